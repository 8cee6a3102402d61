import FerryCore
import ImageStore

/// An image whose deltas list each granule by itself, as a store may, and objects of 64 KiB.
struct SplitSource: SourceImage {
    let image: any SourceImage

    var identity: ImageIdentity { image.identity }
    var layout: ImageLayout { image.layout }

    func openDelta(
        from base: SnapshotIdentity?, to target: SnapshotIdentity, mode: DiffMode
    ) async throws(StoreError) -> any Delta {
        SplitDelta(delta: try await image.openDelta(from: base, to: target, mode: mode))
    }

    func headByteCount() async throws(StoreError) -> UInt64 { try await image.headByteCount() }
    func snapshots() async throws(StoreError) -> [Snapshot] { try await image.snapshots() }
    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot {
        try await image.createSnapshot(name, quiesce: quiesce)
    }
    func lease(holder: String, duration: Duration) async throws(StoreError) -> any ImageLease {
        try await image.lease(holder: holder, duration: duration)
    }
    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await image.removeSnapshot(snapshot)
    }
    func firstChange(since snapshot: SnapshotIdentity?) async throws(StoreError) -> Extent? {
        try await image.firstChange(since: snapshot)
    }
    func metadata(_ key: String) async throws(StoreError) -> String? { try await image.metadata(key) }
    func allMetadata() async throws(StoreError) -> [ImageMetadata] { try await image.allMetadata() }
    func setMetadata(_ key: String, to value: String) async throws(StoreError) {
        try await image.setMetadata(key, to: value)
    }
    func removeMetadata(_ key: String) async throws(StoreError) { try await image.removeMetadata(key) }
    func featureBits() async throws(StoreError) -> UInt64 { try await image.featureBits() }
    func pin(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool { try await image.pin(snapshot) }
    func unpin(_ snapshot: SnapshotIdentity) async throws(StoreError) { try await image.unpin(snapshot) }
    func close() async { await image.close() }
}

private struct SplitDelta: Delta {
    private static let granuleByteCount: UInt64 = 4096
    private static let objectByteCount: UInt64 = 65_536
    private static let batchExtentCountMax = 5

    let delta: any Delta
    var byteCount: UInt64 { delta.byteCount }

    func changedByteCountEstimate() async throws(StoreError) -> UInt64? { try await delta.changedByteCountEstimate() }

    func extents(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        let batch = try await delta.extents(from: offset)
        let split = batch.extents.flatMap(Self.granules)
        guard split.count > Self.batchExtentCountMax else {
            return ExtentBatch(extents: split, scannedTo: batch.scannedTo)
        }
        let first = Array(split.prefix(Self.batchExtentCountMax))
        return ExtentBatch(extents: first, scannedTo: first.last?.extent.end ?? batch.scannedTo)
    }

    func changedObjects(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        let batch = try await delta.extents(from: offset)
        var objects: [ChangedExtent] = []
        var scannedTo = offset
        for changed in batch.extents where changed.extent.end > scannedTo {
            let start = max(scannedTo, changed.extent.offset / Self.objectByteCount * Self.objectByteCount)
            let end = min(
                byteCount, (changed.extent.end - 1) / Self.objectByteCount * Self.objectByteCount + Self.objectByteCount
            )
            objects.append(ChangedExtent(Extent(offset: start, byteCount: end - start), .data))
            scannedTo = end
        }
        return ExtentBatch(extents: objects, scannedTo: max(scannedTo, batch.scannedTo))
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await delta.read(reads, into: buffer)
    }

    func close() async { await delta.close() }

    private static func granules(_ changed: ChangedExtent) -> [ChangedExtent] {
        let end = changed.extent.end
        return stride(from: changed.extent.offset, to: end, by: Int(granuleByteCount)).map { offset in
            ChangedExtent(Extent(offset: offset, byteCount: min(granuleByteCount, end - offset)), changed.content)
        }
    }
}
