/// A share as configurations and command lines write it: `1%`, `0.25%`, `100%`.
public struct Percentage: Hashable, Sendable, CustomStringConvertible {
    /// Hundredths of a whole; 0 to 100 when it was read.
    public let value: Double

    /// A share of so many hundredths.
    public init(_ value: Double) { self.value = value }

    /// Reads a text: a number from 0 to 100 with at most four digits behind the point. The sign may be left out.
    public init(_ text: String) throws(ScheduleError) {
        let digits = text.hasSuffix("%") ? text.dropLast() : Substring(text)
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = (1...2).contains(parts.count) && parts.allSatisfy { Self.isDigits($0) }
        guard isNumber, parts[0].count <= 3, parts.count == 1 || parts[1].count <= 4, let value = Double(digits),
            value <= 100
        else {
            throw ScheduleError(
                problem: "\"\(text)\" is no share from 0% to 100%", remedy: "write a number such as 1% or 0.5%")
        }
        self.value = value
    }

    /// As it is written: without a fraction that is 0. Reading it gives the same share again.
    public var description: String {
        let text = "\(value)"
        return "\(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)%"
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber }
    }
}
