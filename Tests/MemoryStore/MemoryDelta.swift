import FerryCore
import ImageStore
import Synchronization

/// A delta between two snapshots in memory.
///
/// Like Ceph's, it goes quietly wrong when a snapshot is removed under it: a removed target reads as zeros, a
/// removed base or target lists nothing. Who reads a delta must have pinned both, and tests should notice.
final class MemoryDelta: Delta {
    let byteCount: UInt64
    private let image: MemoryImage
    private let base: SnapshotIdentity?
    private let target: SnapshotIdentity
    private let isOpen = Mutex(true)

    init(image: MemoryImage, base: SnapshotIdentity?, target: SnapshotIdentity, byteCount: UInt64) {
        self.image = image
        self.base = base
        self.target = target
        self.byteCount = byteCount
        image.store.state.withLock { $0.openDeltaCount += 1 }
    }

    func changedByteCountEstimate() async throws(StoreError) -> UInt64? {
        try await image.store.before(.changedByteCountEstimate, image.name)
        return try changedExtents().reduce(0) { $0 + $1.extent.byteCount }
    }

    func extents(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try await image.store.before(.extents, image.name)
        let left = try changedExtents().compactMap { changed in
            changed.extent.clipped(from: offset).map { ChangedExtent($0, changed.content) }
        }
        let batch = Array(left.prefix(image.store.batchExtentCountMax))
        guard batch.count < left.count, let last = batch.last else {
            return ExtentBatch(extents: batch, scannedTo: byteCount)
        }
        return ExtentBatch(extents: batch, scannedTo: last.extent.end)
    }

    func changedObjects(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try await extents(from: offset)
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await image.store.before(.read, image.name)
        let readsDamage = !image.store.flaws.contains(.damageIsNotRead)
        let contents = try image.withState("read") { state in
            let found = state.snapshot(target)
            let seen = readsDamage ? found?.contents : found?.undamaged ?? found?.contents
            return seen ?? SparseBytes(byteCount: byteCount)
        }
        for read in reads {
            guard read.extent.end <= byteCount, read.fits(in: buffer.byteCount)
            else { throw StoreError(.inconsistent, "read", image.subject, detail: "\(read) of \(byteCount) bytes") }
            contents.read(read.extent, into: buffer.unsafeBytes, at: read.position)
        }
    }

    func close() async {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { image.store.state.withLock { $0.openDeltaCount -= 1 } }
    }

    /// The whole list. Small enough: memory images are.
    private func changedExtents() throws(StoreError) -> [ChangedExtent] {
        try image.withState("list extents of") { state in
            guard let contents = state.snapshot(target)?.contents else { return [] }
            let hidden = state.hiddenChanges
            guard let base else { return contents.changedExtents(since: nil, without: hidden) }
            guard let found = state.snapshot(base) else { return [] }
            return contents.changedExtents(since: found.contents, without: hidden)
        }
    }
}

extension SparseBytes {
    /// Changed granules, neighbours of the same content joined; those in `hidden` left out.
    func changedExtents(since base: SparseBytes?, without hidden: Extent? = nil) -> [ChangedExtent] {
        var extents: [ChangedExtent] = []
        for number in changedGranules(since: base) {
            let start = number * UInt64(SparseBytes.granuleByteCount)
            let end = min(byteCount, start + UInt64(SparseBytes.granuleByteCount))
            if let hidden, hidden.offset < end, start < hidden.end { continue }
            let content = content(ofGranule: number)
            if let last = extents.last, last.extent.end == start, last.content == content {
                let joined = Extent(offset: last.extent.offset, byteCount: end - last.extent.offset)
                extents[extents.count - 1] = ChangedExtent(joined, content)
            } else {
                extents.append(ChangedExtent(Extent(offset: start, byteCount: end - start), content))
            }
        }
        return extents
    }
}
