#if DEBUG
import FerryCore
import ImageStore
import Planning
import Synchronization

/// A mirror image in which a process can be made to die.
final class KillPointMirror: MirrorImage, PassingImage {
    private struct Progress {
        /// Whether something was applied since the last flush.
        var isApplied = false
        var isSnapshotMade = false
        /// Whether the commit is what comes before the image's next use.
        var isPublished = false
    }
    private let image: any MirrorImage
    private let progress = Mutex(Progress())
    var passed: any Image { image }

    init(_ image: any MirrorImage) {
        self.image = image
    }

    func snapshots() async throws(StoreError) -> [Snapshot] {
        passCommit()
        return try await image.snapshots()
    }

    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot {
        let snapshot = try await image.createSnapshot(name, quiesce: quiesce)
        progress.withLock { $0.isSnapshotMade = true }
        KillPoint.receiverSnapshotMade.reach()
        return snapshot
    }

    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await image.removeSnapshot(snapshot)
        KillPoint.receiverPruned.reach()
    }

    func removeMetadata(_ key: String) async throws(StoreError) {
        try await image.removeMetadata(key)
        guard key == ImageStateKey.checkpoint else { return }
        progress.withLock { $0.isPublished = $0.isSnapshotMade }
        KillPoint.receiverCheckpointRemoved.reach()
    }

    func close() async {
        passCommit()
        await image.close()
    }

    func lock() async throws(StoreError) {
        try await image.lock()
        KillPoint.receiverLocked.reach()
    }

    func resize(to byteCount: UInt64) async throws(StoreError) {
        try await image.resize(to: byteCount)
        KillPoint.receiverHeadResized.reach()
    }

    func apply(_ writes: [MirrorWrite], from buffer: DataBuffer) async throws(StoreError) {
        try await image.apply(writes, from: buffer)
        progress.withLock { $0.isApplied = true }
        KillPoint.receiverApplied.reach()
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await image.read(reads, into: buffer)
    }

    func flush() async throws(StoreError) {
        let isNeeded = progress.withLock { progress in
            defer { progress.isApplied = false }
            return progress.isApplied
        }
        try await image.flush()
        if isNeeded { KillPoint.receiverFlushed.reach() }
    }

    func rollBack(to snapshot: SnapshotIdentity) async throws(StoreError) {
        try await image.rollBack(to: snapshot)
        KillPoint.receiverRolledBack.reach()
    }

    func wipe() async throws(StoreError) {
        try await image.wipe()
        KillPoint.receiverWiped.reach()
    }

    func remove() async throws(StoreError) { try await image.remove() }

    /// The commit goes out after the checkpoint is removed, and before the image is used or closed.
    private func passCommit() {
        let isSent = progress.withLock { progress in
            defer { progress.isPublished = false }
            return progress.isPublished
        }
        if isSent { KillPoint.receiverCommitSent.reach() }
    }
}
#endif
