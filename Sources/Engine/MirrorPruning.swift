import FerryCore
import FoundationEssentials
import ImageStore
import Planning

/// Removes from a mirror the snapshots that the receiver's own rules have no use for. The newest published one stays:
/// it is the next base. So does what a proof reads, or has begun with. Call it with the mirror locked.
struct MirrorPruning {
    let image: any MirrorImage
    let record: MirrorRecord
    let keep: Retention
    let now: Date
    /// Ids of snapshots that proofs read.
    var underProof: Set<UInt64> = []

    /// Does it; what was removed.
    func run() async throws -> [SnapshotIdentity] {
        guard keep != .all else { return [] }
        let snapshots = try await image.snapshots()
        let ours = Set(record.published.map(\.mirror.id) + (record.ownIDs ?? []))
        var held = Set(snapshots.filter(\.isPinned).map(\.identity.id))
        held.formUnion(underProof)
        let proofs = try await image.state(ProofRecord.self, ImageStateKey.proof)
        if let begun = proofs?.heldMirror(nowSeconds: Int64(now.timeIntervalSince1970)) { held.insert(begun.id) }
        if let newest = record.published.map(\.mirror.id).max() { held.insert(newest) }
        // A snapshot of our kind of name that we did not publish is somebody's.
        let candidates = snapshots.filter { ours.contains($0.identity.id) || !SnapshotName.isOwn($0.identity.name) }
        let times = repairedTimes(snapshots)
        let retained = candidates.map { snapshot in
            RetainedSnapshot(
                identity: snapshot.identity, time: times[snapshot.identity.id] ?? snapshot.retained.time)
        }
        let removable = keep.removable(of: retained, held: held, now: now, isOurs: SnapshotName.isOwn)
        var removed: [SnapshotIdentity] = []
        for snapshot in removable where try await image.removeIfFree(snapshot) { removed.append(snapshot) }
        return removed
    }

    /// Times of repaired snapshots, by id: those of the wrong ones, so that a rule that keeps one of the two keeps the one
    /// that is right.
    private func repairedTimes(_ snapshots: [Snapshot]) -> [UInt64: Date] {
        let present = Dictionary(
            snapshots.map { ($0.identity.id, $0.createdAt) }, uniquingKeysWith: { first, _ in first })
        let pairs = Dictionary(grouping: record.published, by: \.source.id).values.filter { $0.count > 1 }
        return pairs.reduce(into: [:]) { times, pairs in
            guard let last = pairs.last, let time = pairs.compactMap({ present[$0.mirror.id] }).min() else { return }
            times[last.mirror.id] = time
        }
    }
}
