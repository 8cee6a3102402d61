/// A part of a calendar event that takes numbers.
enum CalendarField: String {
    case year, month, day
    case dayFromEnd = "day from the end of the month"
    case hour, minute, second

    /// What its numbers can be. Months have at least 28 days, so that many can be counted from their end.
    var range: ClosedRange<Int> {
        switch self {
        case .year: 1970...CalendarFields.yearMax
        case .month: 1...12
        case .day: 1...31
        case .dayFromEnd: 1...28
        case .hour: 0...23
        case .minute, .second: 0...59
        }
    }

    /// The numbers that a text stands for, in order: `*`, or a list of numbers, ranges and repetitions.
    func values(_ text: Substring) throws(ScheduleError) -> [Int] {
        if text == "*" { return self == .dayFromEnd ? Array(1...31) : Array(range) }
        var values: Set<Int> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.formUnion(try itemValues(item))
        }
        return values.sorted()
    }

    /// `NUMBER`, `NUMBER..NUMBER`, and either with `/STEP` behind it.
    private func itemValues(_ item: Substring) throws(ScheduleError) -> [Int] {
        let halves = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var step: Int?
        if halves.count == 2 { step = try self.step(halves[1], of: halves[0]) }
        guard let dots = halves[0].firstRange(of: "..") else {
            let start = try number(halves[0])
            guard let step else { return [start] }
            return try repetition(from: start, step: step, item)
        }
        let (start, end) = (try number(halves[0][..<dots.lowerBound]), try number(halves[0][dots.upperBound...]))
        guard start <= end else {
            throw ScheduleError(
                problem: "the \(rawValue) range \(item) goes backwards",
                remedy: "write the smaller number first, or two ranges with a comma")
        }
        return Array(stride(from: start, through: end, by: step ?? 1))
    }

    private func step(_ text: Substring, of start: Substring) throws(ScheduleError) -> Int {
        if start == "*" {
            throw ScheduleError(
                problem: "* can't be repeated in the \(rawValue) */\(text)",
                remedy: "write \(range.lowerBound)/\(text)")
        }
        try checkDigits(text)
        guard let step = Int(text), step >= 1, step <= range.count - 1 else {
            throw ScheduleError(
                problem: "the step \(text) of the \(rawValue) is out of range", remedy: "write 1 to \(range.count - 1)")
        }
        return step
    }

    /// To the end of the range; days from the end go on towards the last day.
    private func repetition(from start: Int, step: Int, _ item: Substring) throws(ScheduleError) -> [Int] {
        let values =
            self == .dayFromEnd
            ? Array(stride(from: start, through: range.lowerBound, by: -step))
            : Array(stride(from: start, through: range.upperBound, by: step))
        guard values.count > 1 else {
            throw ScheduleError(
                problem: "the \(rawValue) \(item) never comes to a repetition",
                remedy: "write a smaller step, or \(start) alone")
        }
        return values
    }

    private func number(_ text: Substring) throws(ScheduleError) -> Int {
        try checkDigits(text)
        guard let written = Int(text), range.contains(fullYear(written)) else {
            throw ScheduleError(
                problem: "the \(rawValue) \(text) is out of range",
                remedy: "write \(range.lowerBound) to \(range.upperBound)")
        }
        return fullYear(written)
    }

    /// Years of two digits are from 1970 to 2069.
    private func fullYear(_ number: Int) -> Int {
        guard self == .year, number < 100 else { return number }
        return number < 70 ? number + 2000 : number + 1900
    }

    private func checkDigits(_ text: Substring) throws(ScheduleError) {
        guard !text.isEmpty, text.allSatisfy({ "0123456789".contains($0) }) else {
            if self == .second, text.contains(".") {
                throw ScheduleError(problem: "the second \(text) has a fraction", remedy: "write whole seconds")
            }
            throw ScheduleError(
                problem: text.isEmpty
                    ? "a number is missing in the \(rawValue)" : "the \(rawValue) \(text) is no number",
                remedy: "write a number, a list 1,2, a range 1..5, a repetition 1/5, or * alone")
        }
    }
}
