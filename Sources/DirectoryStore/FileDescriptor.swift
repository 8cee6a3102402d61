import CLinuxFile
import FerryCore
import Glibc
import ImageStore

/// An open file or folder. Closed with its last reference.
///
/// Thread rule: the number never changes, and the calls made on it take offsets of their own (`pread`, `pwrite`),
/// so any number of threads may use it at once. `SEEK_DATA` moves the file's position, which nobody looks at.
/// All calls block: they are made on `BlockingThreads` only.
final class FileDescriptor: Sendable {
    let raw: CInt
    /// How messages call the file.
    let path: String

    private init(raw: CInt, path: String) {
        self.raw = raw
        self.path = path
    }

    // What could fail at close was asked for by `sync` before.
    deinit { _ = Glibc.close(raw) }

    /// Opens a folder by its path, following symbolic links. Implements: int open(const char *, int, ...);
    static func openFolder(path: String, _ operation: String) throws(StoreError) -> FileDescriptor {
        let raw = retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard raw >= 0 else { throw StoreError(errno: errno, operation, path) }
        return FileDescriptor(raw: raw, path: path)
    }

    /// Opens `name` in this folder; never through a symbolic link. What is made holds an image's data: it is ours
    /// alone.
    /// Implements: int openat(int, const char *, int, ...);
    func open(_ name: String, _ flags: CInt, _ operation: String) throws(StoreError) -> FileDescriptor {
        let path = "\(path)/\(name)"
        let raw = FileDescriptor.retrying { openat(self.raw, name, flags | O_NOFOLLOW | O_CLOEXEC, 0o600) }
        guard raw >= 0 else { throw StoreError(errno: errno, operation, path) }
        return FileDescriptor(raw: raw, path: path)
    }

    /// Opens a regular file in this folder. Anything else of that name (a pipe, a device) is refused.
    func openFile(_ name: String, _ flags: CInt, _ operation: String) throws(StoreError) -> FileDescriptor {
        // Without O_NONBLOCK the open itself would wait for the other end of a pipe.
        let file = try open(name, flags | O_NONBLOCK, operation)
        guard try file.status(operation).st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.unsupported, operation, file.path, detail: "it is not a regular file")
        }
        return file
    }

    /// Size, times and kind. Implements: int fstat(int, struct stat *);
    func status(_ operation: String) throws(StoreError) -> stat {
        var status = stat()
        guard fstat(raw, &status) == 0 else { throw StoreError(errno: errno, operation, path) }
        return status
    }

    /// Size in bytes.
    func byteCount(_ operation: String) throws(StoreError) -> UInt64 {
        UInt64(max(0, try status(operation).st_size))
    }

    /// Sets the size. Implements: int ftruncate(int, off_t);
    func truncate(to byteCount: UInt64, _ operation: String) throws(StoreError) {
        guard let size = Int(exactly: byteCount) else {
            throw StoreError(.unsupported, operation, path, detail: "\(byteCount) bytes are too many for a file")
        }
        guard FileDescriptor.retrying({ ftruncate(raw, size) }) == 0 else {
            throw StoreError(errno: errno, operation, path)
        }
    }

    /// Makes the data and what is needed to find it durable. Implements: int fdatasync(int);
    func syncData(_ operation: String) throws(StoreError) {
        guard FileDescriptor.retrying({ fdatasync(raw) }) == 0 else { throw StoreError(errno: errno, operation, path) }
    }

    /// Makes everything durable; of a folder: which names are in it. Implements: int fsync(int);
    func sync(_ operation: String) throws(StoreError) {
        guard FileDescriptor.retrying({ fsync(raw) }) == 0 else { throw StoreError(errno: errno, operation, path) }
    }

    /// Fills `target` from `offset` on; what lies past the end of the file is zeros. Gives the bytes that the file
    /// had. Implements: ssize_t pread(int, void *, size_t, off_t);
    @discardableResult
    func read(
        into target: UnsafeMutableRawBufferPointer, at offset: UInt64, _ operation: String
    ) throws(StoreError) -> Int {
        var done = 0
        while done < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let count = FileDescriptor.retrying { pread(raw, rest.baseAddress, rest.count, Int(offset) + done) }
            guard count >= 0 else { throw StoreError(errno: errno, operation, "\(path) at byte \(offset)") }
            guard count > 0 else { break }
            done += count
        }
        target[done...].initializeMemory(as: UInt8.self, repeating: 0)
        return done
    }

    /// Writes all of `source` at `offset`. Implements: ssize_t pwrite(int, const void *, size_t, off_t);
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64, _ operation: String) throws(StoreError) {
        var done = 0
        while done < source.count {
            let rest = UnsafeRawBufferPointer(rebasing: source[done...])
            let count = FileDescriptor.retrying { pwrite(raw, rest.baseAddress, rest.count, Int(offset) + done) }
            guard count > 0 else {
                throw StoreError(errno: count < 0 ? errno : EIO, operation, "\(path) at byte \(offset)")
            }
            done += count
        }
    }

    /// Calls again while a signal interrupts. Sets errno like the call.
    static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
