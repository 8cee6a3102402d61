/// How fast a count grew over the last ten seconds.
struct RecentRate: Sendable {
    private static let span = Duration.seconds(10)
    private var samples: [(count: UInt64, at: ContinuousClock.Instant)] = []

    /// Takes a sample of a count that only grows; to be called every second or so.
    mutating func sample(_ count: UInt64, at now: ContinuousClock.Instant) {
        samples.append((count, now))
        // The newest one that is old enough stays: the rate is of ten seconds or a little more.
        while samples.count > 2, now - samples[1].at >= Self.span { samples.removeFirst() }
    }

    /// Per second; 0 until there are two samples.
    var perSecond: Double {
        guard let first = samples.first, let last = samples.last, last.at > first.at else { return 0 }
        return Double(last.count - first.count) / ((last.at - first.at) / .seconds(1))
    }
}
