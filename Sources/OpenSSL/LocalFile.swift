#if canImport(Glibc)
import Glibc
#endif

/// A small file of ours, read whole, with what the system says about its owner.
struct LocalFile {
    /// Its bytes.
    private(set) var bytes: [UInt8]
    /// Permission bits.
    let mode: UInt32
    /// User id of its owner.
    let owner: UInt32

    /// No certificate or key comes near this.
    private static let byteCountMax = 1 << 20

    /// Reads the file at `path`. Owner and bytes come from the same open file, so nobody can swap it in between.
    init(path: String) throws(TLSFileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "not a regular file")
        }
        mode = status.st_mode & 0o7777
        owner = status.st_uid
        bytes = try Self.contents(of: descriptor, path: path)
    }

    private static func contents(of descriptor: Int32, path: String) throws(TLSFileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, errno) }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: piece.prefix(count))
            guard bytes.count <= byteCountMax else {
                throw .unreadable(path: path, reason: "larger than \(byteCountMax) bytes")
            }
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> TLSFileError {
        code == ENOENT ? .missing(path: path) : .unreadable(path: path, reason: String(cString: strerror(code)))
    }

    /// Whether a key with this owner and mode is kept from others when read by `user`. As PostgreSQL has it: our own
    /// key is ours alone; root may own it and let our group read it.
    static func isPrivate(mode: UInt32, owner: UInt32, user: UInt32) -> Bool {
        guard owner == user || owner == 0 else { return false }
        let forbidden: UInt32 = owner == 0 && user != 0 ? 0o037 : 0o077
        return mode & forbidden == 0
    }

    /// Refuses a key that others can read or change.
    func requirePrivate(path: String) throws(TLSFileError) {
        guard Self.isPrivate(mode: mode, owner: owner, user: geteuid()) else {
            throw .keyTooOpen(path: path, mode: mode)
        }
    }
}
