import Glibc

/// An open file, device, pipe or socket that a stream is read from or written to. Closed with its last reference.
///
/// Thread rule: the number never changes. Reads and writes move its position, so one thread at a time makes them
/// (`StreamReader` and `StreamWriter` are each behind a lock). All calls block: they are made on `BlockingThreads`
/// only.
final class StreamDescriptor: Sendable {
    /// What it leads to.
    enum Kind: Sendable {
        case regularFile
        case blockDevice
        case characterDevice
        case pipe
        case socket
        case folder
    }

    /// Pieces that one `writev` takes: IOV_MAX.
    static let pieceCountMax = 1024
    /// What a pipe holds, if it can be had: the most that a user who is not root may ask for.
    private static let pipeByteCount: CInt = 1 << 20
    /// Linux's own, not in Swift's view of the C library.
    private static let setPipeSize: CInt = 1031

    let raw: CInt
    let kind: Kind
    /// How messages call it.
    let path: String
    /// Outlives the descriptor, so that the other users of the stream can wake who waits for it.
    let waiting: StreamWait

    /// Takes ownership of `raw`, also when it throws.
    init(owning raw: CInt, path: String, _ operation: String) throws(StreamFileError) {
        do throws(StreamFileError) {
            kind = try Self.kind(of: raw, operation, path)
            waiting = try StreamWait(operation, path)
        } catch {
            _ = Glibc.close(raw)
            throw error
        }
        self.raw = raw
        self.path = path
        if kind == .pipe { _ = fcntl(raw, Self.setPipeSize, Self.pipeByteCount) }
    }

    // What could fail at close was asked for by `sync` before.
    deinit { _ = Glibc.close(raw) }

    /// Opens a path, which messages call `name`. Never waits, not for the other end of a pipe either.
    /// Implements: int open(const char *, int, ...);
    static func open(
        _ path: String, _ flags: CInt, _ operation: String, name: String? = nil
    ) throws(StreamFileError) -> StreamDescriptor {
        let name = name ?? path
        let raw = retrying { Glibc.open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0o600) }
        guard raw >= 0 else { throw StreamFileError(errno: errno, operation, name) }
        return try StreamDescriptor(owning: raw, path: name, operation)
    }

    /// A second number for what `standard` is open for, so that it can be closed like any other.
    static func duplicate(
        _ standard: CInt, path: String, _ operation: String
    ) throws(StreamFileError) -> StreamDescriptor {
        let raw = fcntl(standard, F_DUPFD_CLOEXEC, 3)
        guard raw >= 0 else { throw StreamFileError(errno: errno, operation, path) }
        return try StreamDescriptor(owning: raw, path: path, operation)
    }

    /// Implements: int fstat(int, struct stat *);
    private static func kind(of raw: CInt, _ operation: String, _ path: String) throws(StreamFileError) -> Kind {
        var status = stat()
        guard fstat(raw, &status) == 0 else { throw StreamFileError(errno: errno, operation, path) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .regularFile
        case S_IFBLK: return .blockDevice
        case S_IFIFO: return .pipe
        case S_IFSOCK: return .socket
        case S_IFDIR: return .folder
        default: return .characterDevice
        }
    }

    /// Whether reads and writes have a position that can be set, and never wait for somebody else.
    var isSeekable: Bool { kind == .regularFile }

    /// Implements: int isatty(int);
    var isTerminal: Bool { kind == .characterDevice && isatty(raw) == 1 }

    /// The position in the file, in bytes. Implements: off_t lseek(int, off_t, int);
    func position(_ operation: String) throws(StreamFileError) -> Int {
        let position = lseek(raw, 0, SEEK_CUR)
        guard position >= 0 else { throw StreamFileError(errno: errno, operation, path) }
        return position
    }

    /// Sets the position. Implements: off_t lseek(int, off_t, int);
    func seek(to position: Int, _ operation: String) throws(StreamFileError) {
        guard lseek(raw, position, SEEK_SET) >= 0 else { throw StreamFileError(errno: errno, operation, path) }
    }

    /// Tells the kernel to read far ahead. Implements: int posix_fadvise(int, off_t, off_t, int);
    func adviseSequential() {
        _ = posix_fadvise(raw, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    /// Makes everything durable. Implements: int fsync(int);
    func sync(_ operation: String) throws(StreamFileError) {
        guard Self.retrying({ fsync(raw) }) == 0 else { throw StreamFileError(errno: errno, operation, path) }
    }

    /// Makes everything durable where the file system offers that: for folders, not all do.
    func syncIfSupported(_ operation: String) throws(StreamFileError) {
        guard Self.retrying({ fsync(raw) }) != 0, errno != EINVAL, errno != EOPNOTSUPP else { return }
        throw StreamFileError(errno: errno, operation, path)
    }

    /// Starts to write back what was written in a range, so that making all of it durable is not one long wait. What is
    /// on the disk already leaves the memory. Implements: int posix_fadvise(int, off_t, off_t, int);
    func startWriteback(from offset: UInt64, byteCount: UInt64) {
        _ = posix_fadvise(raw, off_t(clamping: offset), off_t(clamping: byteCount), POSIX_FADV_DONTNEED)
    }

    /// Reads what there is, waiting for at least a byte of it; 0 at the end.
    /// Implements: ssize_t read(int, void *, size_t);
    func read(into target: UnsafeMutableRawBufferPointer, _ operation: String) throws -> Int {
        while true {
            if !isSeekable { try waiting.wait(for: CInt(POLLIN), on: raw, operation, path) }
            let count = Self.retrying { Glibc.read(raw, target.baseAddress, target.count) }
            if count >= 0 { return count }
            // Somebody else who reads from the same pipe was faster.
            guard errno == EAGAIN else { throw StreamFileError(errno: errno, operation, path) }
        }
    }

    /// Writes all `pieces`, of which none is empty, in order, waiting for room.
    func write(_ pieces: inout [iovec], _ operation: String) throws {
        var next = 0
        while next < pieces.count {
            if !isSeekable { try waiting.wait(for: CInt(POLLOUT), on: raw, operation, path) }
            let count = pieces[next...].prefix(Self.pieceCountMax).withUnsafeBufferPointer(writeSome)
            guard count > 0 else {
                // A pipe may say that it has room, and then have none for this.
                if count < 0, errno == EAGAIN { continue }
                throw StreamFileError(errno: count < 0 ? errno : EIO, operation, path)
            }
            Self.advance(&pieces, &next, by: count)
        }
    }

    /// Implements: ssize_t writev(int, const struct iovec *, int);
    /// ssize_t sendmsg(int, const struct msghdr *, int);
    private func writeSome(_ pieces: UnsafeBufferPointer<iovec>) -> Int {
        guard kind == .socket else {
            return Self.retrying { writev(raw, pieces.baseAddress, CInt(pieces.count)) }
        }
        var message = msghdr()
        message.msg_iov = UnsafeMutablePointer(mutating: pieces.baseAddress)
        message.msg_iovlen = pieces.count
        return Self.retrying { sendmsg(raw, &message, CInt(MSG_DONTWAIT | MSG_NOSIGNAL)) }
    }

    /// Passes over `byteCount` bytes that are written.
    private static func advance(_ pieces: inout [iovec], _ next: inout Int, by byteCount: Int) {
        var rest = byteCount
        while next < pieces.count, rest >= pieces[next].iov_len {
            rest -= pieces[next].iov_len
            next += 1
        }
        guard rest > 0 else { return }
        pieces[next].iov_base += rest
        pieces[next].iov_len -= rest
    }

    /// Calls again while a signal interrupts. Sets errno like the call.
    static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
