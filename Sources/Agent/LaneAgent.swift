import AgentConfiguration
import Engine
import FerryCore
import Foundation
import ImageStore
import Pipeline
import Planning
import Reporting
import Synchronization

/// What an agent's lanes have in common.
final class LaneAgent: Sendable {
    /// Numbers of the configuration that runs take as they are when they begin.
    struct Numbers: Sendable {
        var checkpointByteCount: UInt64
        var compression: CompressionPolicy
        var baseSecondsMax: Int64
    }
    let environment: RunEnvironment
    let stop: StopSwitch
    private let slots: ByteBudget
    private let numbers: Mutex<Numbers>
    private let meters = Mutex<[LaneKey: TransferMeter]>([:])
    /// Images that are looked at side by side at the start.
    private let looks = ByteBudget(limit: 8)

    /// Lanes of which `parallelCount` transfer at once.
    init(environment: RunEnvironment, stop: StopSwitch, parallelCount: Int, numbers: Numbers) {
        self.environment = environment
        self.stop = stop
        slots = ByteBudget(limit: UInt64(parallelCount))
        self.numbers = Mutex(numbers)
    }

    /// Takes other numbers for the runs that begin from now on.
    func update(_ new: Numbers) { numbers.withLock { $0 = new } }

    /// The runs under way.
    var activities: [LaneKey: TransferMeter] { meters.withLock { $0 } }

    /// Notes that a run begins.
    func began(_ key: LaneKey, _ meter: TransferMeter) { meters.withLock { $0[key] = meter } }

    /// Notes that a run ended.
    func ended(_ key: LaneKey) { meters.withLock { $0[key] = nil } }

    /// A run of a lane.
    func makeRun(_ key: LaneKey, _ rule: LaneRule, _ meter: TransferMeter) -> LaneRun {
        let numbers = numbers.withLock { $0 }
        return LaneRun(
            image: key.image, peer: rule.peer, settings: rule.settings, environment: environment, slots: slots,
            checkpointByteCount: numbers.checkpointByteCount, compression: numbers.compression,
            baseSecondsMax: numbers.baseSecondsMax, meter: meter)
    }

    /// What is in the cluster about a lane.
    struct Sight: Sendable {
        var published: PublishedState?
        /// When the newest snapshot of ours was made.
        var ownSnapshotAt: Date?
        /// Whether something waits to be sent: an earlier agent was killed, or its peer was away.
        var isOwed = false
    }

    /// Looks at what is in the cluster, without a lease: it may be out of date at once.
    func look(_ key: LaneKey, _ rule: LaneRule) async throws -> Sight {
        try await looks.take(1)
        defer { looks.give(1) }
        let image = try await environment.store.openSource(key.image)
        do {
            let sight = try await look(key, rule, image)
            await image.close()
            return sight
        } catch {
            await image.close()
            throw error
        }
    }

    private func look(_ key: LaneKey, _ rule: LaneRule, _ image: any SourceImage) async throws -> Sight {
        let record =
            try await image.state(SenderRecord.self, ImageStateKey.peer(key.peer)) ?? SenderRecord()
        let snapshots = try await image.snapshots().map(\.retained)
        let published = snapshots.first { $0.identity == record.acknowledged }
        let waiting = RunTargets(rule.settings).decide(
            snapshots: snapshots, record: record, now: environment.now())
        return Sight(
            published: published.map { PublishedState(snapshot: $0.identity.name, takenAt: $0.takenAt) },
            ownSnapshotAt: snapshots.compactMap { SnapshotName.ownTime($0.identity.name) }.max(),
            // Without a schedule only what someone asked for goes on.
            isOwed: rule.settings.schedule == nil ? record.inFlight != nil : !waiting.isEmpty)
    }

    /// Tells the log how a run ended.
    func log(_ key: LaneKey, _ result: Result<LaneRun.Outcome, any Error>, _ duration: Duration) {
        let logger = environment.logger
        switch result {
        case .success(let outcome):
            for step in outcome.steps {
                logger.info(
                    "\(key.image)@\(step.target.name) \(step.wasPublished ? "is" : "published") on \(key.peer)",
                    metadata: [
                        "base": "\(step.base?.name ?? "none")", "read_bytes": "\(step.counts.readByteCount)",
                        "sent_bytes": "\(step.counts.sentByteCount)",
                        "saved_by_resume_bytes": "\(step.counts.savedContentByteCount)", "duration": "\(duration)",
                    ])
            }
            if let removed = outcome.pruning?.removed, !removed.isEmpty {
                logger.info(
                    "removed \(removed.count) snapshots of \(key.image)",
                    metadata: ["snapshots": "\(removed.map(\.name).joined(separator: " "))"])
            }
            if let error = outcome.pruningError {
                logger.warning("old snapshots of \(key.image) stay: \(error.oneLine)")
            }
        case .failure(is CancellationError):
            logger.info("\(key.image) to \(key.peer) was interrupted; it goes on where it stopped")
        case .failure(let error as LeaseHeldElsewhere):
            logger.debug("\(key.image): \(error.cause)")
        case .failure(let error):
            let failure = error as? any Failure
            logger.error(
                "\(key.image) to \(key.peer): \(error.oneLine)", metadata: ["remedy": "\(failure?.remedy ?? "")"])
        }
    }
}
