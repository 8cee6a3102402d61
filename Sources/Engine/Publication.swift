import FerryCore
import ImageStore
import Planning

/// Turns a mirror's head, to which a whole delta was applied, into a published snapshot.
struct Publication {
    let prepared: PreparedMirror
    /// Size of the target, in bytes.
    let byteCount: UInt64
    let checkpointer: Checkpointer
    let clock: StageClock

    private var target: SnapshotIdentity { prepared.transfer.target }

    /// Flush, checkpoint, snapshot, record: in this order, so that a cut between any two can be told apart. Returns
    /// the record as it is then.
    func run() async throws -> MirrorRecord {
        let before = try await prepared.image.snapshots().map(\.identity)
        let repairedName =
            prepared.isRepair ? SnapshotName.repaired(target.name, taken: Set(before.map(\.name))) : nil
        let name = repairedName ?? target.name
        if let holder = before.first(where: { $0.name == name }) {
            throw PlanConflict.nameTaken(target: target, holder: holder)
        }
        try await checkSize(try await prepared.image.headByteCount())
        try await checkpointer.beginPublishing(
            snapshotIDMax: before.map(\.id).max() ?? 0, snapshotByteCount: byteCount, mirrorName: repairedName)
        return try await clock.time(.mirrorSnapshot) {
            let snapshot = try await makeSnapshot(name)
            try await checkSize(of: snapshot)
            var record = prepared.record
            try await record.publish(
                PublishedSnapshot(source: target, mirror: snapshot.identity), on: prepared.image)
            return record
        }
    }

    private func makeSnapshot(_ name: String) async throws -> Snapshot {
        do {
            return try await prepared.image.createSnapshot(name)
        } catch  where error.reason == .alreadyExists {
            // Someone else's, made just now: it must not be taken for ours by the next run.
            try await checkpointer.finish()
            throw error
        }
    }

    /// A snapshot of another size is not the target: left there, it would keep the target's name from it.
    private func checkSize(of snapshot: Snapshot) async throws {
        do {
            try await checkSize(snapshot.byteCount)
        } catch let error as EngineError {
            try await prepared.image.removeSnapshot(snapshot.identity)
            throw error
        }
    }

    /// Any client can resize an image, whoever has its lock; what a shrink cut off is gone.
    private func checkSize(_ found: UInt64) async throws {
        guard found != byteCount else { return }
        try await checkpointer.distrust()
        throw EngineError.resizedMeanwhile(expected: byteCount, found: found)
    }
}
