import CVirtualTime
import TestSupport

/// One seed's run, from nothing to the end of everything that it began.
enum Run {
    /// What came of it.
    struct Outcome: Equatable {
        var violation: String?
        var jobCount: Int
        var publishedCount: Int
        var resumedCount: Int
        var proofs = ProofCounts()
        /// Of the order of all jobs, and with a trace of all that was done.
        var digest: UInt64
    }
    /// A run that takes more jobs than this hangs.
    private static let jobCountMax = 3_000_000
    private static let timeMax = Duration.seconds(200 * 3600)

    static func run(seed: UInt64, without removedGuard: Guard?) -> Outcome {
        crash_note_seed(seed)
        let world = World(seed: seed, without: removedGuard)
        let executor = VirtualExecutor.shared
        executor.reset(seed: seed, order: world.settings.order)
        Trace.shared.reset()
        let ending = Ending()
        Task.detached {
            await Scenario(world: world).run()
            ending.isReached = true
        }
        let isDrained = executor.run {
            world.history.violation != nil || executor.jobCount > jobCountMax || executor.now > timeMax
        }
        if world.history.violation == nil {
            if !isDrained {
                world.history.fail("the run does not end: \(executor.jobCount) jobs, \(executor.now)")
            } else if !ending.isReached {
                world.history.fail("everything waits, for nothing")
            } else {
                world.checkReleased()
            }
        }
        return Outcome(
            violation: world.history.violation, jobCount: executor.jobCount,
            publishedCount: world.history.publishedCount, resumedCount: world.history.resumedCount,
            proofs: ProofCounts(world),
            digest: executor.digest)
    }
}

/// What was damaged, found and mended.
struct ProofCounts: Equatable {
    var damageCount = 0
    var provenCount = 0
    var foundCount = 0
    var alarmCount = 0
    var repairCount = 0

    init() {}

    init(_ world: World) {
        damageCount = world.history.damageCount
        provenCount = world.provenCount
        foundCount = world.history.foundCount
        alarmCount = world.history.raisedCount
        repairCount = world.history.repairedCount
    }

    static func += (sum: inout ProofCounts, other: ProofCounts) {
        sum.damageCount += other.damageCount
        sum.provenCount += other.provenCount
        sum.foundCount += other.foundCount
        sum.alarmCount += other.alarmCount
        sum.repairCount += other.repairCount
    }
}

/// Whether a scenario came to its end.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
private final class Ending: @unchecked Sendable {
    var isReached = false
}
