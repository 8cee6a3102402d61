import FerryCore
import Glibc
import ImageStore

/// Two files whose differences are looked for: what a delta is made of.
///
/// What is reported depends on the bytes and holes alone, granule by granule, never on where the search began or
/// on what the file system shares: sharing only saves reading. So the list is the same from every offset.
struct FileComparison: Sendable {
    /// Differences are found in units of this many bytes, aligned in the image.
    static let granuleByteCount: UInt64 = 4096
    /// Extents are cut at multiples of this, so that a batch may end there wherever it began.
    static let strideByteCount: UInt64 = 16 << 20

    /// What the target is compared with; nil: with zeros, and then its data is reported without reading it.
    let base: FileDescriptor?
    let baseByteCount: UInt64
    let target: FileDescriptor
    let targetByteCount: UInt64
    /// Whether shared blocks are used to save reading. Off only to test that it makes no difference.
    var usesSharedExtents = true

    /// The next differences at or after `offset`. Blocks; reads a bounded number of bytes.
    func extents(from offset: UInt64, _ operation: String) throws(StoreError) -> ExtentBatch {
        guard offset < targetByteCount else { return ExtentBatch(extents: [], scannedTo: targetByteCount) }
        var scan = try FileComparisonScan(self, operation)
        let scannedTo = try scan.run(from: FileComparison.roundDown(offset))
        let extents = scan.extents.compactMap { changed in
            changed.extent.clipped(from: offset).map { ChangedExtent($0, changed.content) }
        }
        return ExtentBatch(extents: extents, scannedTo: max(scannedTo, offset))
    }

    /// The first difference of all; nil when the files are equal, sizes not counted.
    func firstExtent(_ operation: String) throws(StoreError) -> Extent? {
        var position: UInt64 = 0
        while position < targetByteCount {
            let batch = try extents(from: position, operation)
            if let first = batch.extents.first { return first.extent }
            position = batch.scannedTo
        }
        return nil
    }

    /// Where the base's last granule ends; the target's data past it differs by being there.
    var baseGranulesEnd: UInt64 { base == nil ? 0 : FileComparison.roundUp(baseByteCount) }

    /// Up to where shared blocks mean equal bytes. In the block that one of the files ends in, they don't.
    var sharedEnd: UInt64 {
        guard base != nil, usesSharedExtents else { return 0 }
        guard baseByteCount != targetByteCount else { return targetByteCount }
        return FileComparison.roundDown(min(baseByteCount, targetByteCount))
    }

    static func roundDown(_ offset: UInt64) -> UInt64 { offset - offset % granuleByteCount }

    static func roundUp(_ offset: UInt64) -> UInt64 {
        let remainder = offset % granuleByteCount
        return remainder == 0 ? offset : offset + (granuleByteCount - remainder)
    }
}
