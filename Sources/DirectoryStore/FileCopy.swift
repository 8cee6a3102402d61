import CLinuxFile
import FerryCore
import Glibc
import ImageStore

/// Making one file equal to another.
extension FileDescriptor {
    /// Makes this empty file a copy of `source`, durably: sharing its blocks where the file system can, copying
    /// its data otherwise. Throws `.unavailable` when somebody wrote to `source` while it was being copied.
    func becomeCopy(of source: FileDescriptor, _ operation: String) throws(StoreError) {
        if try !clone(source, operation) {
            let before = try source.status(operation)
            try copyData(of: source, byteCount: UInt64(max(0, before.st_size)), operation)
            let after = try source.status(operation)
            guard before.st_size == after.st_size, before.st_mtim.tv_sec == after.st_mtim.tv_sec,
                before.st_mtim.tv_nsec == after.st_mtim.tv_nsec
            else {
                throw StoreError(
                    .unavailable, operation, source.path, detail: "somebody wrote to it while it was being copied",
                    remedy: "stop who writes to it, or keep it on a file system with reflinks (XFS, btrfs)")
            }
        }
        try sync(operation)
    }

    /// Shares all blocks of `source`; false when the file system can't.
    /// Implements: int ioctl(int, FICLONE, int);
    private func clone(_ source: FileDescriptor, _ operation: String) throws(StoreError) -> Bool {
        if FileDescriptor.retrying({ clinuxfile_clone(raw, source.raw) }) == 0 { return true }
        switch errno {
        case EOPNOTSUPP, ENOTTY, EINVAL, EXDEV, ENOSYS, EPERM, ETXTBSY: return false
        default: throw StoreError(errno: errno, operation, path)
        }
    }

    /// Copies the data of `source`, holes staying holes.
    private func copyData(of source: FileDescriptor, byteCount: UInt64, _ operation: String) throws(StoreError) {
        try truncate(to: byteCount, operation)
        let buffer = DataBuffer(byteCount: FileDescriptor.pieceByteCount)
        var position: UInt64 = 0
        while position < byteCount, let data = try source.nextData(from: position, operation) {
            position = max(position, data.lowerBound)
            guard position < byteCount else { return }
            let pieceByteCount = min(UInt64(buffer.byteCount), min(data.upperBound, byteCount) - position)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.unsafeBytes.prefix(Int(pieceByteCount)))
            try source.read(into: piece, at: position, operation)
            try write(UnsafeRawBufferPointer(piece), at: position, operation)
            position += pieceByteCount
        }
    }
}
