/// Days of the week as systemd writes them: `Mon..Fri`, `Sat,Sun`. 0 is Monday, 6 Sunday.
enum Weekdays {
    static let all = Set(0...6)
    private static let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

    /// The day of a name, whole or of three letters; nil when it is none.
    static func number(_ name: Substring) -> Int? {
        names.firstIndex { $0 == name.lowercased() || $0.prefix(3) == name.lowercased() }
    }

    /// A list of days and ranges; a comma may follow the last one. `unknown` makes the error for what is no day.
    static func set(
        _ word: Substring, unknown: (Substring) -> ScheduleError
    ) throws(ScheduleError) -> Set<Int> {
        var weekdays: Set<Int> = []
        let list = word.last == "," ? word.dropLast() : word
        for item in list.split(separator: ",", omittingEmptySubsequences: false) {
            let dots = item.firstRange(of: "..") ?? item.firstRange(of: "-")
            let start = try known(item[..<(dots?.lowerBound ?? item.endIndex)], in: word, unknown)
            var end = start
            if let dots { end = try known(item[dots.upperBound...], in: word, unknown) }
            guard start <= end else {
                throw ScheduleError(
                    problem: "the weekdays \(item) go backwards", remedy: "weeks begin on Monday: write Fri..Sun,Mon")
            }
            weekdays.formUnion(start...end)
        }
        return weekdays
    }

    /// As `set` reads it: three letters, ranges for days in a row.
    static func text(_ weekdays: Set<Int>) -> String {
        var runs: [ClosedRange<Int>] = []
        for day in weekdays.sorted() {
            if let last = runs.last, last.upperBound + 1 == day {
                runs[runs.count - 1] = last.lowerBound...day
            } else {
                runs.append(day...day)
            }
        }
        return runs.map { run in
            run.count == 1 ? shortName(run.lowerBound) : "\(shortName(run.lowerBound))..\(shortName(run.upperBound))"
        }.joined(separator: ",")
    }

    private static func shortName(_ day: Int) -> String { String(names[day].prefix(3)).capitalized }

    private static func known(
        _ name: Substring, in word: Substring, _ unknown: (Substring) -> ScheduleError
    ) throws(ScheduleError) -> Int {
        guard let weekday = number(name) else {
            guard name.isEmpty else { throw unknown(name) }
            throw ScheduleError(
                problem: "a weekday is missing in \(word)", remedy: "write days and ranges with commas: Mon..Fri,Sun")
        }
        return weekday
    }
}

extension String {
    /// With a large first letter.
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
