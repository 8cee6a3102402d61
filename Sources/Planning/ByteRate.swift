/// Bytes per second as configurations write them: `20MiB`, `500KiB/s`, `200Mbit`.
public struct ByteRate: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// 64 KiB to 1 TiB a second: below, a single block would take minutes.
    public static let range: ClosedRange<UInt64> = 64 << 10...1 << 40

    /// Within `range` when it was read.
    public let bytesPerSecond: UInt64

    /// A rate of so many bytes per second.
    public init(bytesPerSecond: UInt64) { self.bytesPerSecond = bytesPerSecond }

    /// Reads a text: a whole number and its unit, in bytes or bits; `/s` may follow.
    public init(_ text: String) throws(ScheduleError) {
        var rest = Substring(text).trimmed()
        let number = rest.removePrefix { $0.isASCII && $0.isNumber }
        rest = rest.trimmed()
        guard !number.isEmpty else { throw ScheduleError(problem: "\"\(text)\" is no rate", remedy: Self.examples) }
        if rest.first == "." || rest.first == "," {
            throw ScheduleError(problem: "\"\(text)\" has a fraction", remedy: "write 1536KiB rather than 1.5MiB")
        }
        let name = rest.hasSuffix("/s") ? String(rest.dropLast(2)) : String(rest)
        guard let unit = Self.units.first(where: { $0.name == name }) else {
            throw Self.unknownUnit(name, number, text)
        }
        let (product, isOverflow) = (UInt64(number) ?? .max).multipliedReportingOverflow(by: unit.bitsPerSecond)
        let rate = isOverflow ? .max : product / 8
        guard Self.range.contains(rate) else {
            throw ScheduleError(
                problem: "\"\(text)\" is too \(rate < Self.range.lowerBound ? "slow" : "fast") for a limit",
                remedy: "write \(ByteRate(bytesPerSecond: Self.range.lowerBound)) "
                    + "to \(ByteRate(bytesPerSecond: Self.range.upperBound))")
        }
        bytesPerSecond = rate
    }

    /// In the largest unit that gives a whole number. Reading it gives the same rate again.
    public var description: String {
        let (bits, isOverflow) = bytesPerSecond.multipliedReportingOverflow(by: 8)
        let unit = Self.units.first { bits > 0 && bits.isMultiple(of: $0.bitsPerSecond) }
        guard let unit, !isOverflow else { return "\(bytesPerSecond)B" }
        return "\(bits / unit.bitsPerSecond)\(unit.name)"
    }

    /// By how fast they are.
    public static func < (one: ByteRate, other: ByteRate) -> Bool { one.bytesPerSecond < other.bytesPerSecond }

    /// In the order in which they are preferred.
    private static let units: [(name: String, bitsPerSecond: UInt64)] = [
        ("TiB", 8 << 40), ("GiB", 8 << 30), ("MiB", 8 << 20), ("KiB", 8 << 10), ("Gbit", 1_000_000_000),
        ("Mbit", 1_000_000), ("kbit", 1000), ("B", 8),
    ]

    private static let examples = "write a number and a unit, per second: 500KiB, 20MiB, 1GiB or 200Mbit"

    private static func unknownUnit(_ name: String, _ number: Substring, _ text: String) -> ScheduleError {
        guard !name.isEmpty else {
            return ScheduleError(problem: "\(number) in \"\(text)\" has no unit", remedy: examples)
        }
        let problem = "\"\(text)\" has the unknown unit \(name)"
        if let unit = units.first(where: { $0.name.lowercased() == name.lowercased() }) {
            return ScheduleError(problem: problem, remedy: "write \(number)\(unit.name)")
        }
        // Mb, mbps and M may mean either.
        let alike = units.filter { $0.name.count > 1 && $0.name.first?.lowercased() == name.first?.lowercased() }
        let hint = alike.map { "\(number)\($0.name)" }.joined(separator: " or ")
        return ScheduleError(problem: problem, remedy: alike.isEmpty ? examples : "write \(hint), whichever you mean")
    }
}
