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
    /// Transfers that may be proofs of every byte: syncs come first.
    private let proofSlots: ByteBudget
    private let numbers: Mutex<Numbers>
    private let meters = Mutex<[LaneKey: TransferMeter]>([:])
    /// Images that are looked at side by side at the start.
    private let looks = ByteBudget(limit: 8)

    /// Lanes of which `parallelCount` transfer at once.
    init(environment: RunEnvironment, stop: StopSwitch, parallelCount: Int, numbers: Numbers) {
        self.environment = environment
        self.stop = stop
        slots = ByteBudget(limit: UInt64(parallelCount))
        proofSlots = ByteBudget(limit: UInt64(max(1, parallelCount / 2)))
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
        LaneRun(
            image: key.image, peer: rule.peer, settings: rule.settings, environment: environment, slots: slots,
            numbers: numbers.withLock { $0 }, meter: meter)
    }

    /// A slice of a lane's proof of every byte.
    func makeProof(_ key: LaneKey, _ rule: LaneRule, _ meter: TransferMeter, timeMax: Duration) -> LaneProof {
        LaneProof(
            image: key.image, peer: rule.peer, environment: environment, slots: slots, proofSlots: proofSlots,
            numbers: numbers.withLock { $0 }, meter: meter, timeMax: timeMax)
    }

    /// What is in the cluster about a lane.
    struct Sight: Sendable {
        var published: PublishedState?
        /// When the newest snapshot of ours was made.
        var ownSnapshotAt: Date?
        /// Whether something waits to be sent: an earlier agent was killed, or its peer was away.
        var isOwed = false
        /// Since when runs to the peer fail; nil when they don't.
        var failingSince: Date?
        /// What is known about whether the mirror equals the image.
        var proofs = ProofRecord()
    }

    /// Looks at what is in the cluster, without a lease: it may be out of date at once.
    func look(_ key: LaneKey, _ rule: LaneRule) async throws -> Sight {
        try await looks.take(1)
        defer { looks.give(1) }
        return try await environment.withSource(key.image) { try await look(key, rule, $0) }
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
            isOwed: rule.settings.schedule == nil ? record.inFlight != nil : !waiting.isEmpty,
            failingSince: record.failingSince, proofs: try await image.proofs(at: key.peer))
    }
}
