import Glibc

/// The file of a control socket that this process listens on.
///
/// Two agents that start at once must not both take a dead one's socket away: the folder is locked meanwhile.
struct ControlSocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Makes a socket that listens at `path`, in the place of one whose process is dead. The descriptor is the
    /// caller's, who closes it.
    static func listen(at path: String) async throws(ControlServerError) -> (file: Self, descriptor: CInt) {
        guard path.utf8.count <= UnixSocket.pathByteCountMax else {
            throw .pathTooLong(path: path, byteCountMax: UnixSocket.pathByteCountMax)
        }
        let lock = try await lockFolder(of: path)
        return try withExtendedLifetime(lock) { () throws(ControlServerError) in
            try clear(path)
            guard let descriptor = UnixSocket.listen(at: path) else { throw failure(path, errno) }
            var status = stat()
            guard lstat(path, &status) == 0 else {
                let code = errno
                close(descriptor)
                throw failure(path, code)
            }
            return (Self(path: path, device: status.st_dev, inode: status.st_ino), descriptor)
        }
    }

    /// Removes the file, unless it is another's by now. Who holds the folder's lock is starting, and takes it away.
    ///
    /// Implements: int unlink(const char *pathname);
    func remove() {
        guard let lock = try? FolderLock.tryLock(Self.folder(of: path)) else { return }
        withExtendedLifetime(lock) {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode else { return }
            unlink(path)
        }
    }

    /// Others hold the lock for some system calls only.
    private static func lockFolder(of path: String) async throws(ControlServerError) -> FolderLock {
        for _ in 0..<50 {
            do {
                if let lock = try FolderLock.tryLock(folder(of: path)) { return lock }
            } catch {
                throw error.code == ENOENT ? .folderMissing(path: path) : failure(path, error.code)
            }
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { break }
        }
        throw .locked(path: path)
    }

    private static func clear(_ path: String) throws(ControlServerError) {
        switch UnixSocket.occupant(of: path) {
        case .nothing: return
        case .listener: throw .locked(path: path)
        case .otherFile: throw .notASocket(path: path)
        case .unknown(let code): throw failure(path, code)
        case .remains:
            guard unlink(path) == 0 || errno == ENOENT else { throw failure(path, errno) }
        }
    }

    private static func failure(_ path: String, _ code: CInt) -> ControlServerError {
        let reason = String(cString: strerror(code))
        return switch code {
        case EACCES, EPERM, EROFS: .notPermitted(path: path, reason: reason)
        default: .cannotListen(address: path, reason: reason)
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
