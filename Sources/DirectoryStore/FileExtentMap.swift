import CLinuxFile
import FerryCore
import Glibc
import ImageStore

/// Part of a file, and where it lies on the device.
struct MappedExtent: Equatable {
    let extent: Extent
    /// Byte on the device; nil when that can't be trusted to tell what the bytes are.
    let physical: UInt64?
}

/// What FIEMAP says about a stretch of a file.
struct FileExtentMap {
    /// Extents in ascending order, cut at `coveredTo`.
    let extents: [MappedExtent]
    /// Everything of the file before this offset is in `extents`, or is a hole.
    let coveredTo: UInt64
}

extension FileDescriptor {
    /// Extents that one call asks for.
    private static let mapExtentCount = 512

    /// Whether equal physical addresses in two files of this file system mean equal bytes. Only where that is known.
    func hasComparableExtents(_ operation: String) -> Bool {
        var fileSystem = statfs()
        guard fstatfs(raw, &fileSystem) == 0 else { return false }
        let magic = Int64(fileSystem.f_type)
        return (magic == clinuxfile_xfs_magic && clinuxfile_is_realtime(raw) == 0) || magic == clinuxfile_btrfs_magic
    }

    /// Maps a stretch of the file from `offset` on, after writing out what is still in memory. nil when the file
    /// system can't say. Implements: int ioctl(int, FS_IOC_FIEMAP, struct fiemap *);
    func mapExtents(from offset: UInt64) -> FileExtentMap? {
        let count = FileDescriptor.mapExtentCount
        let headByteCount = MemoryLayout<fiemap>.stride
        let byteCount = headByteCount + count * MemoryLayout<fiemap_extent>.stride
        let buffer = DataBuffer([UInt8](repeating: 0, count: byteCount))
        guard let start = buffer.unsafeBytes.baseAddress else { return nil }
        let map = start.bindMemory(to: fiemap.self, capacity: 1)
        map.pointee.fm_start = offset
        map.pointee.fm_length = UInt64.max - offset
        map.pointee.fm_flags = UInt32(FIEMAP_FLAG_SYNC)
        map.pointee.fm_extent_count = UInt32(count)
        guard FileDescriptor.retrying({ clinuxfile_map_extents(raw, map) }) == 0 else { return nil }
        let mappedCount = min(Int(map.pointee.fm_mapped_extents), count)
        let extents = (0..<mappedCount).map { index in
            (start + headByteCount).loadUnaligned(
                fromByteOffset: index * MemoryLayout<fiemap_extent>.stride, as: fiemap_extent.self)
        }
        return withExtendedLifetime(buffer) { FileExtentMap(extents, isWhole: mappedCount < count) }
    }
}

extension FileExtentMap {
    fileprivate init?(_ raw: [fiemap_extent], isWhole: Bool) {
        var extents: [MappedExtent] = []
        for entry in raw {
            guard let extent = Extent(untrustedOffset: entry.fe_logical, byteCount: entry.fe_length),
                Extent(untrustedOffset: entry.fe_physical, byteCount: entry.fe_length) != nil,
                extent.byteCount > 0, extent.offset >= extents.last?.extent.end ?? 0
            else { return nil }
            extents.append(MappedExtent(extent: extent, physical: entry.isTrusted ? entry.fe_physical : nil))
        }
        self.extents = extents
        let isLast = (raw.last?.fe_flags ?? 0) & UInt32(FIEMAP_EXTENT_LAST) != 0
        coveredTo = isWhole || isLast ? .max : extents.last?.extent.end ?? .max
    }
}

extension fiemap_extent {
    /// Whether the address is that of the plain bytes, and other files are known to share it. Everything else is
    /// compared by content: delayed, unwritten, encoded, inline, unaligned, or a flag that is not known here.
    fileprivate var isTrusted: Bool {
        let harmless = UInt32(FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED | FIEMAP_EXTENT_SHARED)
        return fe_flags & ~harmless == 0 && fe_flags & UInt32(FIEMAP_EXTENT_SHARED) != 0 && fe_physical != 0
    }
}
