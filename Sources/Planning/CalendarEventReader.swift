/// Reads calendar events: `[WEEKDAYS] [DATE] [TIME] [ZONE]`, or a shorthand instead of the first three.
struct CalendarEventReader {
    private(set) var fields = CalendarFields()
    /// As it was written; nil: the host's.
    private(set) var zoneName: Substring?

    init(_ text: String) throws(ScheduleError) {
        var words = text.split(separator: " ")
        if words.count > 1, let last = words.last, Self.isZoneName(last) { zoneName = words.popLast() }
        guard let first = words.first else {
            throw ScheduleError(problem: "no time is named", remedy: Self.examples)
        }
        if words.count == 1, readShorthand(first.lowercased()) { return }
        if first.first?.isLetter == true {
            fields.weekdays = try Self.weekdays(first)
            words.removeFirst()
        }
        if let word = words.first, word.contains(where: { "-~".contains($0) }) {
            try readDate(word)
            words.removeFirst()
        }
        if let word = words.first, word.contains(":") {
            try readTime(word)
            words.removeFirst()
        }
        if let word = words.first { throw Self.misplaced(word) }
    }

    private static let examples =
        "write weekdays, date, time and zone, each of which can be left out: Mon..Fri *-*-* 02:30 UTC; or hourly, daily"

    private static func misplaced(_ word: Substring) -> ScheduleError {
        if let first = word.first, first.isLetter {
            return ScheduleError(
                problem: "\(word) stands where a date or time should",
                remedy: "weekdays come first and are joined: Mon,Wed")
        }
        let isPart = word.contains { ":-~".contains($0) }
        return ScheduleError(
            problem: isPart ? "\(word) is out of place" : "\(word) is neither a date nor a time", remedy: examples)
    }
}

// MARK: Words

extension CalendarEventReader {
    /// Whether a word at the end is meant as a zone.
    private static func isZoneName(_ word: Substring) -> Bool {
        let isWeekday = word.split(whereSeparator: { ".,-".contains($0) }).contains { Weekdays.number($0) != nil }
        return word.first?.isLetter == true && !isWeekday
    }

    private mutating func readShorthand(_ word: String) -> Bool {
        switch word {
        case "minutely": (fields.hours, fields.minutes) = (Array(0...23), Array(0...59))
        case "hourly": fields.hours = Array(0...23)
        case "daily": break
        case "weekly": fields.weekdays = [0]
        case "monthly": fields.days = [1]
        case "quarterly": (fields.months, fields.days) = ([1, 4, 7, 10], [1])
        case "semiannually", "semi-annually", "biannually", "bi-annually":
            (fields.months, fields.days) = ([1, 7], [1])
        case "yearly", "annually": (fields.months, fields.days) = ([1], [1])
        default: return false
        }
        return true
    }

    private static func weekdays(_ word: Substring) throws(ScheduleError) -> Set<Int> {
        try Weekdays.set(word) { name in
            ScheduleError(
                problem: "\(name) is no weekday and no shorthand",
                remedy: "write Mon, Tue, Wed, Thu, Fri, Sat, Sun, or one of "
                    + "minutely, hourly, daily, weekly, monthly, quarterly, semiannually, yearly")
        }
    }

    /// `[YEAR-]MONTH-DAY`, with `~` before days that are counted from the end of the month.
    private mutating func readDate(_ word: Substring) throws(ScheduleError) {
        var parts = word.split(omittingEmptySubsequences: false) { "-~".contains($0) }
        let marks = word.filter { "-~".contains($0) }
        guard (2...3).contains(parts.count), !marks.dropLast().contains("~") else {
            throw ScheduleError(
                problem: "\(word) is no date",
                remedy: "write YEAR-MONTH-DAY or MONTH-DAY, or MONTH~DAY from the month's end")
        }
        fields.isDayFromEnd = marks.last == "~"
        fields.days = try (fields.isDayFromEnd ? CalendarField.dayFromEnd : .day).values(parts.removeLast())
        fields.months = try CalendarField.month.values(parts.removeLast())
        if let year = parts.last { fields.years = try CalendarField.year.values(year) }
    }

    /// `HOUR:MINUTE[:SECOND]`
    private mutating func readTime(_ word: Substring) throws(ScheduleError) {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else {
            throw ScheduleError(problem: "\(word) is no time", remedy: "write HOUR:MINUTE or HOUR:MINUTE:SECOND")
        }
        fields.hours = try CalendarField.hour.values(parts[0])
        fields.minutes = try CalendarField.minute.values(parts[1])
        if parts.count == 3 { fields.seconds = try CalendarField.second.values(parts[2]) }
    }
}
