import CLinuxFile
import FerryCore
import Glibc
import ImageStore

/// Where a file has data and where it has holes.
extension FileDescriptor {
    /// The first stretch of data at or after `offset`; nil when only holes follow. A file system that does not
    /// know holes says that all is data. Implements: off_t lseek(int, off_t, int);
    func nextData(from offset: UInt64, _ operation: String) throws(StoreError) -> Range<UInt64>? {
        let start = lseek(raw, Int(offset), clinuxfile_seek_data)
        guard start >= 0 else {
            if errno == ENXIO { return nil }
            guard errno == EINVAL || errno == EOPNOTSUPP else { throw StoreError(errno: errno, operation, path) }
            let byteCount = try byteCount(operation)
            return offset < byteCount ? offset..<byteCount : nil
        }
        let end = lseek(raw, start, clinuxfile_seek_hole)
        guard end >= 0 else {
            // The file was cut off in between.
            if errno == ENXIO { return nil }
            throw StoreError(errno: errno, operation, path)
        }
        return UInt64(start)..<UInt64(max(end, start + 1))
    }

    /// Makes `extent` read as zeros, exact to the byte, and gives its whole blocks back. The size stays.
    /// Implements: int fallocate(int, int, off_t, off_t);
    func punchHole(_ extent: Extent, _ operation: String) throws(StoreError) {
        guard extent.byteCount > 0 else { return }
        let result = FileDescriptor.retrying {
            clinuxfile_allocate(
                raw, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, Int64(extent.offset), Int64(extent.byteCount))
        }
        if result == 0 { return }
        guard errno == EOPNOTSUPP || errno == ENOSYS else { throw StoreError(errno: errno, operation, path) }
        try overwriteWithZeros(extent, operation)
    }

    /// Writes zeros over the data in `extent`; holes stay holes.
    func overwriteWithZeros(_ extent: Extent, _ operation: String) throws(StoreError) {
        let zeros = DataBuffer([UInt8](repeating: 0, count: FileDescriptor.pieceByteCount))
        var position = extent.offset
        while position < extent.end, let data = try nextData(from: position, operation), data.lowerBound < extent.end {
            position = max(position, data.lowerBound)
            let byteCount = min(UInt64(zeros.byteCount), min(data.upperBound, extent.end) - position)
            let piece = UnsafeRawBufferPointer(rebasing: zeros.unsafeBytes.prefix(Int(byteCount)))
            try write(piece, at: position, operation)
            position += byteCount
        }
    }

    /// Bytes copied, compared or zeroed at a time.
    static let pieceByteCount = 1 << 20
}
