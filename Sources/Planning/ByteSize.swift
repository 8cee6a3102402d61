/// A size as configurations write it: `500GiB`, `10TiB`.
public struct ByteSize: Hashable, Sendable, CustomStringConvertible {
    /// Bytes.
    public let byteCount: UInt64

    /// So many bytes.
    public init(byteCount: UInt64) { self.byteCount = byteCount }

    /// Reads a whole number and its unit.
    public init(_ text: String) throws(ScheduleError) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text.dropFirst(digits.count).drop { $0 == " " }
        guard !digits.isEmpty else { throw ScheduleError(problem: "\"\(text)\" is no size", remedy: Self.examples) }
        guard let unit = Self.units.first(where: { $0.name == name }) else {
            let alike = Self.units.first { $0.name.first?.lowercased() == name.first?.lowercased() }
            throw ScheduleError(
                problem: name.isEmpty ? "\"\(text)\" has no unit" : "\"\(text)\" has the unknown unit \(name)",
                remedy: alike.map { "write \(digits)\($0.name)" } ?? Self.examples)
        }
        let (byteCount, isOverflow) = (UInt64(digits) ?? .max).multipliedReportingOverflow(by: unit.byteCount)
        guard !isOverflow, UInt64(digits) != nil else {
            throw ScheduleError(problem: "\"\(text)\" is too large", remedy: Self.examples)
        }
        self.byteCount = byteCount
    }

    /// In the largest unit that gives a whole number. Reading it gives the same size again.
    public var description: String {
        let unit = Self.units.first { byteCount > 0 && byteCount.isMultiple(of: $0.byteCount) }
        return unit.map { "\(byteCount / $0.byteCount)\($0.name)" } ?? "\(byteCount)B"
    }

    private static let units: [(name: String, byteCount: UInt64)] = [
        ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]
    private static let examples = "write a whole number and a unit: 500GiB, 10TiB or 1PiB"
}
