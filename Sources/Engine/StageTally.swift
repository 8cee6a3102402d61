import FerryCore

/// Adds up how long each stage had at least one operation under way. A value: it is told the time.
struct StageTally: Sendable {
    private struct Open {
        var count: Int
        var since: ContinuousClock.Instant
    }
    private var closed = StageTimes()
    private var open: [TransferStage: Open] = [:]

    /// An operation of a stage begins.
    mutating func begin(_ stage: TransferStage, at now: ContinuousClock.Instant) {
        open[stage, default: Open(count: 0, since: now)].count += 1
        noteStarving(at: now)
    }

    /// An operation of a stage ends; one of it was begun.
    mutating func end(_ stage: TransferStage, at now: ContinuousClock.Instant) {
        guard let found = open[stage] else { preconditionFailure("what ends was begun") }
        if found.count > 1 {
            open[stage]?.count -= 1
        } else {
            open[stage] = nil
            closed.add(now - found.since, to: stage)
        }
        noteStarving(at: now)
    }

    /// The times until now, with what is under way.
    func times(at now: ContinuousClock.Instant) -> StageTimes {
        var times = closed
        for (stage, found) in open { times.add(now - found.since, to: stage) }
        return times
    }

    /// The times until now; from here on it counts from zero.
    mutating func take(at now: ContinuousClock.Instant) -> StageTimes {
        defer {
            closed = StageTimes()
            for stage in open.keys { open[stage]?.since = now }
        }
        return times(at: now)
    }

    /// A receiver that waits for a block, and has nothing else under way, starves.
    private mutating func noteStarving(at now: ContinuousClock.Instant) {
        let isStarving = open[.receive] != nil && open.count == (open[.starve] == nil ? 1 : 2)
        if isStarving, open[.starve] == nil {
            open[.starve] = Open(count: 1, since: now)
        } else if !isStarving, let found = open.removeValue(forKey: .starve) {
            closed.add(now - found.since, to: .starve)
        }
    }
}

/// Which share of the time a stage took, from one question to the next. A value: it is told the time.
struct StageShare: Sendable {
    private let stage: TransferStage
    private var last: (microseconds: UInt64, at: ContinuousClock.Instant)

    /// The share of a stage of a tally that begins now.
    init(of stage: TransferStage, from now: ContinuousClock.Instant) {
        self.stage = stage
        last = (0, now)
    }

    /// The share since the last question, from 0 to 1, in thousandths.
    mutating func next(_ times: StageTimes, at now: ContinuousClock.Instant) -> Double {
        let count = times.microseconds[stage] ?? 0
        defer { last = (count, now) }
        let passed = (now - last.at) / .microseconds(1)
        guard passed > 0, count > last.microseconds else { return 0 }
        return (min(Double(count - last.microseconds) / passed, 1) * 1000).rounded() / 1000
    }
}
