import FerryCore
import ImageStore

/// Lists every byte of an image as changed: for a mirror that may hold anything.
struct WholeImage: Sendable {
    private static let batchByteCount: UInt64 = 64 << 20

    let byteCount: UInt64

    /// The next stretch at or after `offset`.
    @Sendable func extents(from offset: UInt64) -> ExtentBatch {
        let end = min(byteCount, (offset / Self.batchByteCount + 1) * Self.batchByteCount)
        guard offset < end else { return ExtentBatch(extents: [], scannedTo: byteCount) }
        let extent = Extent(offset: offset, byteCount: end - offset)
        return ExtentBatch(extents: [ChangedExtent(extent, .data)], scannedTo: end)
    }
}
