import Foundation
import Pipeline
import Planning
import Reporting

/// A throttle, the limit that it goes by, and how fast it is gone through. A value that shares its throttle.
struct LimitedThrottle: Sendable {
    let throttle: Throttle
    var limit: RateLimit
    private var rate = RecentRate()

    /// A throttle that goes by `limit` from now on.
    init(_ limit: RateLimit, clock: ThrottleClock, now: Date) {
        self.limit = limit
        throttle = Throttle(rate: limit.rate(at: now)?.bytesPerSecond, clock: clock)
    }

    /// Sets the rate that the limit has at this time.
    func keep(now: Date) { throttle.setRate(limit.rate(at: now)?.bytesPerSecond) }

    /// Takes note of how much went through; to be called every second.
    mutating func sample(at instant: ContinuousClock.Instant) {
        rate.sample(throttle.passedByteCount, at: instant)
    }

    /// How it stands; `peer` is whose it is.
    func status(of peer: String? = nil, now: Date) -> LimitStatus {
        LimitStatus(
            peer: peer, limitBytesPerSecond: throttle.rate, bytesPerSecond: rate.perSecond,
            passedBytes: throttle.passedByteCount, nextChangeAt: limit.nextChange(after: now))
    }
}
