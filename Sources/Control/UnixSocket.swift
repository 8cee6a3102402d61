import Glibc

/// Calls on Unix domain sockets. None of them blocks.
enum UnixSocket {
    /// Longest path, in bytes; one more ends it.
    static let pathByteCountMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// What is at a path.
    enum Occupant: Equatable {
        case nothing
        /// A socket that somebody listens on.
        case listener
        /// A socket whose listener is gone.
        case remains
        case otherFile
        /// It can't be told.
        case unknown(errno: CInt)
    }

    /// Makes a socket that listens at `path`, for its owner and group; the descriptor is the caller's. The path must be
    /// free. Returns nil and leaves errno when it does not go.
    ///
    /// Implements: int socket(int, int, int); int bind(int, const struct sockaddr *, socklen_t); int listen(int, int);
    static func listen(at path: String) -> CInt? {
        guard let descriptor = make() else { return nil }
        // Before bind too, so that others can't connect in between, whatever the umask is.
        guard fchmod(descriptor, mode) == 0,
            withAddress(of: path, { bind(descriptor, $0, $1) }) == 0,
            chmod(path, mode) == 0,
            Glibc.listen(descriptor, 64) == 0
        else {
            let code = errno
            close(descriptor)
            errno = code
            return nil
        }
        return descriptor
    }

    private static let mode: mode_t = 0o660

    /// Looks who is at `path`, by connecting to it.
    ///
    /// Implements: int lstat(const char *, struct stat *); int connect(int, const struct sockaddr *, socklen_t);
    static func occupant(of path: String) -> Occupant {
        var status = stat()
        guard lstat(path, &status) == 0 else { return errno == ENOENT ? .nothing : .unknown(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return .otherFile }
        guard let descriptor = make() else { return .unknown(errno: errno) }
        defer { close(descriptor) }
        if withAddress(of: path, { connect(descriptor, $0, $1) }) == 0 { return .listener }
        switch errno {
        // Its queue is full.
        case EAGAIN, EINPROGRESS: return .listener
        case ECONNREFUSED: return .remains
        case ENOENT: return .nothing
        default: return .unknown(errno: errno)
        }
    }

    private static func make() -> CInt? {
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(AF_UNIX, CInt(type), 0)
        return descriptor < 0 ? nil : descriptor
    }

    /// The path must have at most `pathByteCountMax` bytes.
    private static func withAddress(
        of path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        precondition(path.utf8.count <= pathByteCountMax, "the path's length is checked before")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
