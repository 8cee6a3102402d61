/// A length of time as configurations write it: `15m`, `1h30m`, `7d`.
public struct TimeSpan: Hashable, Sendable, CustomStringConvertible {
    /// The longest that can be written: ten years of 365 days.
    public static let secondsMax: Int64 = 3650 * 86_400

    /// In seconds; 1 to `secondsMax` when it was read.
    public let seconds: Int64

    /// A span of so many seconds.
    public init(seconds: Int64) { self.seconds = seconds }

    /// Reads a text: whole numbers, each with its unit, which are added up. Spaces may stand between them.
    public init(_ text: String) throws(ScheduleError) {
        var rest = Substring(text).trimmed()
        var total: Int64 = 0
        while !rest.isEmpty {
            let number = rest.removePrefix { $0.isASCII && $0.isNumber }
            rest = rest.trimmed()
            let unit = rest.removePrefix { $0.isLetter }
            rest = rest.trimmed()
            let part = try Self.seconds(number, unit, followedBy: rest, in: text)
            total = try Self.checked(total.addingReportingOverflow(part), text)
        }
        guard total > 0 else {
            throw ScheduleError(problem: "\"\(text)\" is no length of time", remedy: Self.examples)
        }
        seconds = total
    }

    /// In days, hours, minutes and seconds, without those that are 0. Reading it gives the same span again.
    public var description: String {
        var rest = seconds.magnitude
        var parts = seconds < 0 ? "-" : ""
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] as [(String, UInt64)] {
            if rest >= length { parts += "\(rest / length)\(unit)" }
            rest %= length
        }
        return seconds == 0 ? "0s" : parts
    }

    private static let examples = "write numbers with units (s, m, h, d, w): 30s, 15m, 1h30m, 7d"

    private static func seconds(
        _ number: Substring, _ unit: Substring, followedBy rest: Substring, in text: String
    ) throws(ScheduleError) -> Int64 {
        guard !number.isEmpty else {
            throw ScheduleError(problem: "\"\(text)\" is no length of time", remedy: examples)
        }
        guard !unit.isEmpty else {
            if rest.first == "." || rest.first == "," {
                throw ScheduleError(problem: "\"\(text)\" has a fraction", remedy: "write 1h30m rather than 1.5h")
            }
            throw ScheduleError(
                problem: "\(number) in \"\(text)\" has no unit", remedy: "write \(number)s, \(number)m or \(number)h")
        }
        guard let length = unitSeconds(unit) else { throw unknownUnit(unit, text) }
        return try checked((Int64(number) ?? .max).multipliedReportingOverflow(by: length), text)
    }

    private static func unitSeconds(_ unit: Substring) -> Int64? {
        switch unit {
        case "s", "sec", "second", "seconds": 1
        case "m", "min", "minute", "minutes": 60
        case "h", "hr", "hour", "hours": 3_600
        case "d", "day", "days": 86_400
        case "w", "week", "weeks": 604_800
        default: nil
        }
    }

    private static func unknownUnit(_ unit: Substring, _ text: String) -> ScheduleError {
        let remedy =
            switch unit {
            case "M", "month", "months", "y", "year", "years":
                "months and years have no fixed length: write days, as in 30d (minutes are m)"
            case "ms", "msec", "us", "usec", "ns", "nsec": "write whole seconds"
            default: "units are s, m, h, d and w, or written out as in 30 seconds, 2 weeks"
            }
        return ScheduleError(problem: "\"\(text)\" has the unknown unit \(unit)", remedy: remedy)
    }

    private static func checked(
        _ result: (partialValue: Int64, overflow: Bool), _ text: String
    ) throws(ScheduleError) -> Int64 {
        guard !result.overflow, result.partialValue <= secondsMax else {
            throw ScheduleError(
                problem: "\"\(text)\" is too long", remedy: "write at most \(TimeSpan(seconds: secondsMax))")
        }
        return result.partialValue
    }
}

extension Substring {
    /// Takes away, and returns, the characters at the beginning that satisfy a condition.
    mutating func removePrefix(while condition: (Character) -> Bool) -> Substring {
        let found = prefix(while: condition)
        removeFirst(found.count)
        return found
    }

    /// Without spaces at the beginning.
    func trimmed() -> Substring { drop { $0 == " " } }
}
