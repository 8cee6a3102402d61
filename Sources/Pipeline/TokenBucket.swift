/// A rate in bytes per second, and what of it has not been used yet. A value; whoever holds it tells it the time.
///
/// In any stretch of time no more is taken than the rate gives in it, and the burst on top. What a taker waits for
/// gathers beyond the burst, so a wait that lasts too long costs nothing until it is too long by the burst.
public struct TokenBucket: Sendable {
    /// Bytes per second.
    public let rate: UInt64
    /// Bytes that gather, at most, while nobody takes any.
    public let burst: UInt64
    private var level: Double
    private var awaited: UInt64 = 0
    private var time: ContinuousClock.Instant

    /// A bucket with a burst in it.
    public init(rate: UInt64, burst: UInt64, at now: ContinuousClock.Instant) {
        self.rate = max(rate, 1)
        self.burst = burst
        level = Double(burst)
        time = now
    }

    /// Takes bytes, if they are there. Otherwise nothing is taken, and the result is when they will be there: whoever
    /// waits asks again then, or calls `stopWaiting`.
    public mutating func take(_ byteCount: Int, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        refill(now)
        let wanted = Double(byteCount)
        guard level < wanted else {
            level -= wanted
            awaited = 0
            return nil
        }
        awaited = UInt64(max(byteCount, 0))
        let nanoseconds = ((wanted - level) / Double(rate) * 1e9).rounded(.up) + 1
        // Far away, and without an overflow.
        return time + .nanoseconds(Int64(min(nanoseconds, 1e18)))
    }

    /// Nobody waits any more for what was not there.
    public mutating func stopWaiting(at now: ContinuousClock.Instant) {
        refill(now)
        awaited = 0
    }

    /// The same bucket with another rate and burst from now on; what has gathered stays, up to the burst.
    public func changed(rate: UInt64, burst: UInt64, at now: ContinuousClock.Instant) -> TokenBucket {
        var old = self
        old.refill(now)
        var new = TokenBucket(rate: rate, burst: burst, at: now)
        new.level = min(old.level, new.level)
        return new
    }

    private mutating func refill(_ now: ContinuousClock.Instant) {
        guard now > time else { return }
        level = min(level + (now - time) / .seconds(1) * Double(rate), Double(burst) + Double(awaited))
        time = now
    }
}
