import FerryCore
import ImageStore
import Planning
import Synchronization

extension ImageProof {
    /// Lets go of what a repair has pinned that was cut after its snapshot was published: nothing differs any more, so none
    /// follows that would.
    func concludeRepair(of snapshot: SnapshotIdentity) async throws {
        guard try await repairing.readRecord().inFlight?.target.id == snapshot.id else { return }
        try await repairing.acknowledge(snapshot)
    }

    private var repairing: ImageSync {
        ImageSync(
            image: image, name: name, session: session,
            settings: SyncSettings(
                peer: settings.peer, mode: .compare, checkpointByteCount: settings.checkpointByteCount,
                compression: settings.compression, pacing: settings.pacing),
            workers: workers, meter: meter, now: now)
    }

    /// Sends what differs as a new snapshot of the mirror, and proves that one where it was sent and where an alarm is on;
    /// everywhere when either is not known.
    func repair(_ found: ProofReport) async throws -> ProofReport {
        let sent = DifferingLeaves(byteCount: found.imageByteCount)
        var sync = repairing
        sync.onDifference = { sent.insert($0) }
        let step = try await sync.repair(found.snapshot)
        guard let snapshot = try await image.snapshots().first(where: { $0.identity.id == found.snapshot.id }) else {
            throw ProofConflict.snapshotGone(found.snapshot, image: name)
        }
        let pair = try await openPair([snapshot])
        guard pair.mirror.id != found.mirror.id else { throw ProofConflict.notRepaired(pair.mirror) }
        // What a repair sent before it was cut is not known any more.
        let isSentKnown = !step.wasPublished && step.counts.resumeOffset == 0
        let leaves = isSentKnown ? try await leavesToProve(pair, sent.leaves) : nil
        let proof = try await proveRepaired(pair, leaves: leaves)
        var report = found
        report.sentByteCount = step.counts.contentByteCount
        report.isAlarmed = proof.isAlarmed
        guard proof.differingByteCount == 0 else {
            report.mirror = pair.mirror
            (report.differing, report.differingByteCount) = (proof.differing, proof.differingByteCount)
            return report
        }
        report.repaired = pair.mirror
        return report
    }

    /// What was sent, and what the alarm is about; nil when that is not all listed.
    private func leavesToProve(_ pair: ProvenPair, _ sent: LeafSet) async throws -> LeafSet? {
        guard let alarm = try await readRecord().alarm, alarm.extents.isWhole else { return nil }
        var leaves = LeafSet(leafCount: pair.leafCount)
        for extent in alarm.differing { leaves.insert(extent) }
        guard sent.leafCount == leaves.leafCount else { return nil }
        leaves.formUnion(sent)
        return leaves
    }
}

/// Leaves in which something was found to differ, by whatever task finds it.
private final class DifferingLeaves: Sendable {
    private let state: Mutex<LeafSet>

    init(byteCount: UInt64) {
        let leafCount = (byteCount + Limits.digestLeafByteCount - 1) / Limits.digestLeafByteCount
        state = Mutex(LeafSet(leafCount: leafCount))
    }

    func insert(_ extent: Extent) { state.withLock { $0.insert(extent) } }

    var leaves: LeafSet { state.withLock { $0 } }
}
