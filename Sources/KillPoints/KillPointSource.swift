#if DEBUG
import FerryCore
import ImageStore
import Synchronization

/// A source image in which a process can be made to die.
final class KillPointSource: SourceImage, PassingImage {
    /// How far the delta that is read has come.
    fileprivate enum Progress {
        case notRead
        case read
        case rechecked
    }
    private let image: any SourceImage
    fileprivate let progress = Mutex(Progress.notRead)
    var passed: any Image { image }

    init(_ image: any SourceImage) {
        self.image = image
    }

    var layout: ImageLayout { image.layout }

    func featureBits() async throws(StoreError) -> UInt64 { try await image.featureBits() }

    func snapshots() async throws(StoreError) -> [Snapshot] {
        let snapshots = try await image.snapshots()
        let isRecheck = progress.withLock { progress in
            guard progress == .read else { return false }
            progress = .rechecked
            return true
        }
        if isRecheck { KillPoint.senderRechecked.reach() }
        return snapshots
    }

    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot {
        let snapshot = try await image.createSnapshot(name, quiesce: quiesce)
        KillPoint.senderSnapshotMade.reach()
        return snapshot
    }

    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await image.removeSnapshot(snapshot)
        KillPoint.senderPruned.reach()
    }

    func removeMetadata(_ key: String) async throws(StoreError) { try await image.removeMetadata(key) }

    func close() async { await image.close() }

    func pin(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool {
        let isNew = try await image.pin(snapshot)
        KillPoint.senderPinned.reach()
        return isNew
    }

    func unpin(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await image.unpin(snapshot)
        KillPoint.senderUnpinned.reach()
    }

    func lease(holder: String, duration: Duration) async throws(StoreError) -> any ImageLease {
        let lease = try await image.lease(holder: holder, duration: duration)
        KillPoint.senderLeased.reach()
        return lease
    }

    func diffWarnings(mode: DiffMode, since base: SnapshotIdentity?) async throws(StoreError) -> [DiffWarning] {
        try await image.diffWarnings(mode: mode, since: base)
    }

    func openDelta(
        from base: SnapshotIdentity?, to target: SnapshotIdentity, mode: DiffMode
    ) async throws(StoreError) -> any Delta {
        KillPointDelta(try await image.openDelta(from: base, to: target, mode: mode), of: self)
    }
}

/// A delta in which a process can be made to die.
private final class KillPointDelta: Delta {
    private let delta: any Delta
    private let source: KillPointSource

    init(_ delta: any Delta, of source: KillPointSource) {
        self.delta = delta
        self.source = source
    }

    var byteCount: UInt64 { delta.byteCount }

    func changedByteCountEstimate() async throws(StoreError) -> UInt64? { try await delta.changedByteCountEstimate() }

    func extents(from offset: UInt64) async throws(StoreError) -> ExtentBatch { try await delta.extents(from: offset) }

    func changedObjects(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try await delta.changedObjects(from: offset)
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await delta.read(reads, into: buffer)
        source.progress.withLock { $0 = .read }
        KillPoint.senderBlockRead.reach()
    }

    func close() async {
        let isEnd = source.progress.withLock { progress in
            defer { progress = .notRead }
            return progress == .rechecked
        }
        // After the totals the sender does nothing but wait for the commit.
        if isEnd { KillPoint.senderCommittedCame.reach() }
        await delta.close()
    }
}
#endif
