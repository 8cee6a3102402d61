/// Pauses between tries: they grow, up to a limit, and differ by chance so that many do not come at once.
public struct Backoff: Hashable, Sendable {
    /// The first pause, in seconds.
    public var firstSeconds: Double
    /// The longest pause, in seconds.
    public var maxSeconds: Double
    /// Failures in a row so far.
    public private(set) var failureCount = 0

    /// A backoff that begins at `firstSeconds` and doubles up to `maxSeconds`.
    public init(firstSeconds: Double = 1, maxSeconds: Double = 300) {
        self.firstSeconds = firstSeconds
        self.maxSeconds = maxSeconds
    }

    /// Notes a failure; the pause before the next try, within a quarter of its nominal length.
    public mutating func failed(using generator: inout some RandomNumberGenerator) -> Double { 0 }

    /// Notes a success: the next failure begins with the first pause again.
    public mutating func succeeded() { failureCount = 0 }
}
