import FerryCore
import ImageStore
import Planning

/// What the last deltas up to a snapshot touched, as the source's store lists it.
struct ChangedLeaves {
    /// Deltas that are looked at, the newest first.
    static let deltaCountMax = 4

    /// The leaves.
    let leaves: LeafSet
    /// The oldest snapshot since which changes are in it; nil when the source has none before the target.
    let since: SnapshotIdentity?

    /// Lists the deltas between the newest snapshots up to `target`. A snapshot that goes meanwhile may have listed nothing:
    /// then the list is made anew without it.
    static func find(
        on image: any SourceImage, upTo target: SnapshotIdentity, leafCount: UInt64
    ) async throws -> ChangedLeaves {
        while true {
            let older = try await image.snapshots().map(\.identity).filter { $0.id < target.id }
            let used = Array(older.suffix(deltaCountMax))
            let outcome: Result<LeafSet, any Error>
            do {
                outcome = .success(try await leaves(of: used + [target], on: image, leafCount))
            } catch {
                outcome = .failure(error)
            }
            let present = Set(try await image.snapshots().map(\.identity.id))
            guard used.allSatisfy({ present.contains($0.id) }) else { continue }
            return ChangedLeaves(leaves: try outcome.get(), since: used.first)
        }
    }

    /// What changed from each of the snapshots to the next.
    private static func leaves(
        of snapshots: [SnapshotIdentity], on image: any SourceImage, _ leafCount: UInt64
    ) async throws -> LeafSet {
        var leaves = LeafSet(leafCount: leafCount)
        for (base, target) in zip(snapshots, snapshots.dropFirst()) {
            let delta = try await image.openDelta(from: base, to: target, mode: .exact)
            do {
                try await list(delta, into: &leaves)
            } catch {
                await delta.close()
                throw error
            }
            await delta.close()
        }
        return leaves
    }

    private static func list(_ delta: any Delta, into leaves: inout LeafSet) async throws {
        var offset: UInt64 = 0
        while offset < delta.byteCount {
            let batch = try await delta.extents(from: offset)
            for changed in batch.extents { leaves.insert(changed.extent) }
            precondition(batch.scannedTo > offset, "a scan advances")
            offset = batch.scannedTo
        }
    }
}
