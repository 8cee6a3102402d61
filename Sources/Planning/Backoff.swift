/// Pauses between tries: they grow, up to a limit, and differ by chance so that many do not come at once.
public struct Backoff: Hashable, Sendable {
    /// The first pause, in seconds.
    public let firstSeconds: Double
    /// The longest pause, in seconds, before chance makes it up to a quarter longer.
    public let maxSeconds: Double
    /// Failures in a row so far.
    public private(set) var failureCount = 0

    /// A backoff that begins at `firstSeconds` and doubles up to `maxSeconds`. Numbers below zero count as zero, and no
    /// pause is nominally longer than a day.
    public init(firstSeconds: Double = 1, maxSeconds: Double = 300) {
        self.maxSeconds = Self.withinDay(maxSeconds)
        self.firstSeconds = min(Self.withinDay(firstSeconds), self.maxSeconds)
    }

    /// Notes a failure; the pause before the next try in seconds, within a quarter of its nominal length.
    public mutating func failed(using generator: inout some RandomNumberGenerator) -> Double {
        // Shifting further would overflow, and any sensible pause has reached its limit long before.
        let nominal = min(firstSeconds * Double(1 << min(failureCount, 60)), maxSeconds)
        failureCount += 1
        return nominal * Double.random(in: 0.75...1.25, using: &generator)
    }

    /// Notes a success: the next failure begins with the first pause again.
    public mutating func succeeded() { failureCount = 0 }

    private static func withinDay(_ seconds: Double) -> Double {
        // A NaN ends up as zero.
        seconds > 0 ? min(seconds, 86400) : 0
    }
}
