import FerryCore
import FoundationEssentials
import TestSupport
import Testing

@testable import Planning

private let quarterHour = 900.0
private let yearStepCount = 366 * 96

/// One side's clock over the year. It is set wrong now and then in the first half, so that at the end no rule looks
/// back as far.
private struct Clock {
    /// From which day on for how many days it is wrong by how many days.
    var jumps: [(day: Double, dayCount: Double, wrongByDays: Double)]

    func date(atStep step: Int) -> Date {
        let elapsed = Double(step) * quarterHour
        let jump = jumps.first { ($0.day..<$0.day + $0.dayCount).contains(elapsed / 86400) }
        return Date(timeIntervalSince1970: 1_704_067_200 + elapsed + (jump?.wrongByDays ?? 0) * 86400)
    }
}

/// Days on which nothing happens.
private struct Outages {
    private var days = Set<Int>()

    init(count: Int, using generator: inout SeededGenerator) {
        for _ in 0..<count {
            let first = Int.random(in: 0..<366, using: &generator)
            days.formUnion(first..<first + Int.random(in: 1...6, using: &generator))
        }
    }

    func cover(step: Int) -> Bool { days.contains(step / 96) }
}

/// The snapshots of an image on one side.
private struct Side {
    let rules: RetentionRules
    var clock: Clock
    var present: [RetainedSnapshot] = []
    private var lastID: UInt64 = 0

    init(_ rules: RetentionRules, clock: Clock) {
        self.rules = rules
        self.clock = clock
    }

    mutating func add(_ name: String, atStep step: Int) -> RetainedSnapshot {
        lastID += 1
        let identity = SnapshotIdentity(id: lastID, name: "\(name)-\(lastID)")
        let snapshot = RetainedSnapshot(identity: identity, time: clock.date(atStep: step))
        present.append(snapshot)
        return snapshot
    }

    func holds(_ id: UInt64) -> Bool { present.contains { $0.identity.id == id } }

    /// What the rules would remove now.
    func removable(held: Set<UInt64>, atStep step: Int) -> [SnapshotIdentity] {
        Retention.rules(rules).removable(of: present, held: held, now: clock.date(atStep: step)) {
            $0.hasPrefix("ferry-")
        }
    }

    mutating func prune(held: Set<UInt64>, atStep step: Int) {
        let removed = Set(removable(held: held, atStep: step))
        present.removeAll { removed.contains($0.identity) }
    }
}

private func rules(_ last: Int, _ hourly: Int, _ daily: Int, _ weekly: Int, _ monthly: Int) -> RetentionRules {
    var rules = RetentionRules()
    (rules.last, rules.hourly, rules.daily, rules.weekly, rules.monthly) = (last, hourly, daily, weekly, monthly)
    return rules
}

/// What must be left of all that ever was, found with Foundation's calendar.
private func expected(of history: [RetainedSnapshot], _ rules: RetentionRules) -> Set<UInt64> {
    let utc = UTCCalendar()
    var expected = Set(history.sorted { $0.time < $1.time }.suffix(rules.last).map(\.identity.id))
    let counts = [(Period.hour, rules.hourly), (.day, rules.daily), (.week, rules.weekly), (.month, rules.monthly)]
    for (period, count) in counts {
        let newest = Dictionary(grouping: history) { utc.key(of: $0.time, period) }
            .compactMap { $0.value.max { $0.time < $1.time } }
        expected.formUnion(newest.sorted { $0.time < $1.time }.suffix(count).map(\.identity.id))
    }
    return expected
}

@Suite("Retention over a year of snapshots every 15 minutes")
struct RetentionYearTests {
    @Test("what must stay is there after each step, no more than the rules allow, and in the end just what they name")
    func oneSide() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var year = OneSideYear(using: &generator)
        for step in 0..<yearStepCount {
            guard year.advance(to: step, using: &generator) else { continue }
            let fault = year.fault(atStep: step)
            #expect(fault == nil, "seed \(seed), step \(step)")
            guard fault == nil else { return }
        }
        // Only the last four months have to be known in full.
        let recent = year.history.filter { $0.time > year.side.clock.date(atStep: 190 * 96) }
        let left = Set(year.side.present.map(\.identity.id)).subtracting(year.users)
        #expect(left == expected(of: recent, year.side.rules).union(year.held), "seed \(seed)")
    }

    @Test(
        "two sides with rules of their own, clocks of their own and lost answers always have a base in common",
        arguments: [
            (rules(3, 24, 7, 4, 6), rules(3, 0, 30, 0, 0)), (rules(0, 0, 0, 0, 0), rules(0, 0, 9, 0, 0)),
            (rules(0, 0, 2, 0, 12), rules(0, 0, 0, 0, 0)), (rules(0, 0, 0, 0, 0), rules(0, 0, 0, 0, 0)),
        ])
    func twoSides(sender: RetentionRules, mirror: RetentionRules) {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let outages = Outages(count: 15, using: &generator)
        var pair = Pair(sender: sender, mirror: mirror)
        // Each hour, to be quick.
        for step in stride(from: 0, to: yearStepCount, by: 4) {
            pair.advance(to: step, isCut: outages.cover(step: step), using: &generator)
            let hasBase = pair.published.isEmpty || pair.commonBase != nil
            #expect(hasBase, "seed \(seed), step \(step)")
            guard hasBase else { return }
        }
        #expect(pair.published.count > 1000)
    }
}

/// An image with a user's snapshots among ours and a base that follows, at times late.
private struct OneSideYear {
    var side: Side
    /// All that the rules govern and that ever was.
    var history: [RetainedSnapshot] = []
    var users = Set<UInt64>()
    /// The base, and the target under way.
    var held = Set<UInt64>()
    private let outages: Outages
    private var peerReturnsAtStep = 0

    init(using generator: inout SeededGenerator) {
        var rules = rules(3, 24, 7, 4, 4)
        rules.also = [ImagePattern("nightly-*")]
        let jumps =
            [(20, 3, 5), (60, 2, -2), (100, 0.25, 40), (130, 1, -40), (150, 0.5, -4000)] as [(Double, Double, Double)]
        side = Side(rules, clock: Clock(jumps: jumps.map { (day: $0, dayCount: $1, wrongByDays: $2) }))
        outages = Outages(count: 10, using: &generator)
    }

    /// Makes snapshots, moves the base and prunes; false while there is an outage.
    mutating func advance(to step: Int, using generator: inout SeededGenerator) -> Bool {
        guard !outages.cover(step: step) else { return false }
        if step % 96 == 8 { history.append(side.add("nightly", atStep: step)) }
        if Int.random(in: 0..<500, using: &generator) == 0 {
            users.insert(side.add("before-upgrade", atStep: step).identity.id)
        }
        let own = side.add("ferry", atStep: step)
        history.append(own)
        if Int.random(in: 0..<1000, using: &generator) == 0 {
            peerReturnsAtStep = step + Int.random(in: 1...1500, using: &generator)
        }
        if step >= peerReturnsAtStep {
            held = Int.random(in: 0..<4, using: &generator) == 0 ? held.union([own.identity.id]) : [own.identity.id]
            while held.count > 2, let oldest = held.min() { held.remove(oldest) }
        }
        side.prune(held: held, atStep: step)
        return true
    }

    /// What is wrong after a step; nil when nothing is.
    func fault(atStep step: Int) -> String? {
        let present = Set(side.present.map(\.identity.id))
        guard held.isSubset(of: present) else { return "a held snapshot is gone" }
        guard users.isSubset(of: present) else { return "a user's snapshot is gone" }
        let now = side.clock.date(atStep: step)
        let counted = side.present.count { $0.time <= now && !users.contains($0.identity.id) }
        guard counted <= 3 + 24 + 7 + 4 + 4 + held.count else { return "\(counted) snapshots are kept" }
        let isStable = step % 16 != 0 || side.removable(held: held, atStep: step).isEmpty
        return isStable ? nil : "pruning again removes more"
    }
}

/// A sender and a mirror, each with its own rules and clock.
private struct Pair {
    private var sender: Side
    private var mirror: Side
    /// Source's ids and the mirror's, oldest first.
    private(set) var published: [(source: UInt64, mirror: UInt64)] = []
    private var acknowledged: UInt64?
    private var inFlight: UInt64?

    init(sender: RetentionRules, mirror: RetentionRules) {
        self.sender = Side(sender, clock: Clock(jumps: [(30, 2, 9), (200, 1, -100), (300, 1, 100)]))
        self.mirror = Side(mirror, clock: Clock(jumps: [(31, 4, -9), (200, 0.5, 100), (250, 3, -30)]))
    }

    /// The newest snapshot on both ends.
    var commonBase: UInt64? {
        published.last { sender.holds($0.source) && mirror.holds($0.mirror) }?.source
    }

    /// A snapshot, a transfer unless the connection is cut, and pruning on both sides.
    mutating func advance(to step: Int, isCut: Bool, using generator: inout SeededGenerator) {
        let new = sender.add("ferry", atStep: step).identity.id
        if !isCut { transfer(inFlight ?? new, atStep: step, Int.random(in: 0..<20, using: &generator)) }
        sender.prune(held: Set([acknowledged, inFlight].compactMap(\.self)), atStep: step)
        mirror.prune(held: Set(published.suffix(1).map(\.mirror)), atStep: step)
    }

    /// With `luck` 0 the transfer is cut before the publication, with 1 the acknowledgement is lost.
    private mutating func transfer(_ target: UInt64, atStep step: Int, _ luck: Int) {
        inFlight = target
        guard luck != 0 else { return }
        if published.last?.source != target {
            published.append((target, mirror.add("ferry", atStep: step).identity.id))
        }
        guard luck != 1 else { return }
        acknowledged = target
        inFlight = nil
    }
}
