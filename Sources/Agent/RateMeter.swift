/// How fast a count grows, smoothed over a few seconds so that the time left does not jump.
struct RateMeter: Sendable {
    private var last: (count: UInt64, at: ContinuousClock.Instant)?
    /// Per second; nil until there are two samples.
    private(set) var perSecond: Double?

    /// Takes a sample. A count that fell begins a new measure.
    mutating func sample(_ count: UInt64, at now: ContinuousClock.Instant) {
        defer { last = (count, now) }
        guard let last, count >= last.count, now > last.at else {
            if last.map({ count < $0.count }) ?? false { perSecond = nil }
            return
        }
        let seconds = (now - last.at) / .seconds(1)
        let current = Double(count - last.count) / seconds
        // Weighs what is older than about five seconds little, however often samples come.
        let weight = min(1, seconds / 5)
        perSecond = perSecond.map { $0 * (1 - weight) + current * weight } ?? current
    }
}
