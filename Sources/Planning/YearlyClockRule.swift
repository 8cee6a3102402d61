/// How clocks change each year, as the TZ variable of POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct YearlyClockRule: Hashable, Sendable {
    /// A time of the year.
    struct YearlyTime: Hashable, Sendable {
        enum Day: Hashable, Sendable {
            /// 1 to 365; the leap day is not counted.
            case ofCommonYear(Int)
            /// 0 to 365.
            case ofYear(Int)
            /// 0 is Sunday; week 5 means the last one.
            case weekday(Int, week: Int, month: Int)
        }
        var day: Day
        /// After that day's midnight; may be negative, or longer than a day.
        var secondOfDay: Int64
    }

    /// The other time of the year.
    struct Summer: Hashable, Sendable {
        var offsetSeconds: Int64
        var start: YearlyTime
        var end: YearlyTime
    }

    /// Seconds that clocks are ahead of UTC outside of summer.
    var offsetSeconds: Int64
    /// nil: clocks never change.
    var summer: Summer?

    /// Seconds that clocks are ahead of UTC at an instant, which is in seconds since 1970.
    func offset(at instant: Int64) -> Int64 {
        guard let summer else { return offsetSeconds }
        let year = CivilDate(dayNumber: Int((instant + offsetSeconds).floorDivided(by: 86_400))).year
        let start = summer.start.wallTime(inYear: year) - offsetSeconds
        let end = summer.end.wallTime(inYear: year) - summer.offsetSeconds
        // In the south, summer goes over the end of the year.
        let isSummer = start < end ? start <= instant && instant < end : !(end <= instant && instant < start)
        return isSummer ? summer.offsetSeconds : offsetSeconds
    }
}

extension YearlyClockRule.YearlyTime {
    /// What the clock shows then, counted like seconds since 1970.
    func wallTime(inYear year: Int) -> Int64 {
        Int64(dayNumber(inYear: year)) * 86_400 + secondOfDay
    }

    private func dayNumber(inYear year: Int) -> Int {
        let newYear = CivilDate(year: year, month: 1, day: 1).dayNumber
        switch day {
        case .ofCommonYear(let day): return newYear + day - (CivilDate.isLeap(year) && day >= 60 ? 0 : 1)
        case .ofYear(let day): return newYear + day
        case .weekday(let weekday, let week, let month):
            let first = CivilDate(year: year, month: month, day: 1).dayNumber
            let firstWeekday = (CivilDate.weekday(ofDayNumber: first) + 1) % 7
            let day = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            return first + (day < CivilDate.dayCount(ofMonth: month, year: year) ? day : day - 7)
        }
    }
}

// MARK: Reading

extension YearlyClockRule {
    /// Reads a text; nil when it is malformed.
    init?(_ text: String) {
        var rest = Substring(text)
        guard Self.takeName(&rest), let offset = Self.takeSeconds(&rest, hoursMax: 24) else { return nil }
        offsetSeconds = -offset
        guard !rest.isEmpty else { return }
        guard let summer = Self.takeSummer(&rest, standardOffset: offsetSeconds), rest.isEmpty else { return nil }
        self.summer = summer
    }

    private static func takeSummer(_ rest: inout Substring, standardOffset: Int64) -> Summer? {
        guard takeName(&rest) else { return nil }
        var offset = standardOffset + 3_600
        if rest.first != "," {
            guard let written = takeSeconds(&rest, hoursMax: 24) else { return nil }
            offset = -written
        }
        guard let start = takeYearlyTime(&rest), let end = takeYearlyTime(&rest) else { return nil }
        return Summer(offsetSeconds: offset, start: start, end: end)
    }

    /// At least three letters, or anything in `<>`.
    private static func takeName(_ rest: inout Substring) -> Bool {
        if rest.first == "<" {
            guard let end = rest.firstIndex(of: ">") else { return false }
            rest = rest[rest.index(after: end)...]
            return true
        }
        return rest.removePrefix { $0.isASCII && $0.isLetter }.count >= 3
    }

    /// `[+-]hh[:mm[:ss]]`
    private static func takeSeconds(_ rest: inout Substring, hoursMax: Int) -> Int64? {
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        guard let hours = takeNumber(&rest, 0...hoursMax) else { return nil }
        var seconds = hours * 3_600
        for unit in [60, 1] where rest.first == ":" {
            rest.removeFirst()
            guard let number = takeNumber(&rest, 0...59) else { return nil }
            seconds += number * unit
        }
        return Int64(isNegative ? -seconds : seconds)
    }

    /// `,DAY[/TIME]`
    private static func takeYearlyTime(_ rest: inout Substring) -> YearlyTime? {
        guard rest.popFirst() == ",", let day = takeDay(&rest) else { return nil }
        guard rest.first == "/" else { return YearlyTime(day: day, secondOfDay: 2 * 3_600) }
        rest.removeFirst()
        guard let second = takeSeconds(&rest, hoursMax: 167) else { return nil }
        return YearlyTime(day: day, secondOfDay: second)
    }

    private static func takeDay(_ rest: inout Substring) -> YearlyTime.Day? {
        switch rest.first {
        case "J":
            rest.removeFirst()
            return takeNumber(&rest, 1...365).map { .ofCommonYear($0) }
        case "M":
            rest.removeFirst()
            guard let month = takeNumber(&rest, 1...12), rest.popFirst() == ".",
                let week = takeNumber(&rest, 1...5), rest.popFirst() == ".",
                let weekday = takeNumber(&rest, 0...6)
            else { return nil }
            return .weekday(weekday, week: week, month: month)
        default: return takeNumber(&rest, 0...365).map { .ofYear($0) }
        }
    }

    private static func takeNumber(_ rest: inout Substring, _ range: ClosedRange<Int>) -> Int? {
        let digits = rest.removePrefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), range.contains(number) else { return nil }
        return number
    }
}
