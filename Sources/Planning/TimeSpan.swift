/// A length of time as configurations write it: `15m`, `1h30m`, `7d`.
public struct TimeSpan: Hashable, Sendable, CustomStringConvertible {
    /// In seconds.
    public let seconds: Int64

    /// A span of so many seconds.
    public init(seconds: Int64) { self.seconds = seconds }

    /// Reads a text.
    public init(_ text: String) throws(ScheduleError) { seconds = 0 }

    /// As short as it can be written.
    public var description: String { "\(seconds)s" }
}
