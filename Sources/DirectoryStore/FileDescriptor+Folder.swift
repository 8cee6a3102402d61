import CLinuxFile
import Glibc
import ImageStore

/// What is done with the names in an open folder.
extension FileDescriptor {
    /// Opens a folder in this folder.
    func openFolder(_ name: String, _ operation: String) throws(StoreError) -> FileDescriptor {
        try open(name, O_RDONLY | O_DIRECTORY, operation)
    }

    /// Makes a folder unless it is there. Implements: int mkdirat(int, const char *, mode_t);
    func makeFolder(_ name: String, _ operation: String) throws(StoreError) {
        guard mkdirat(raw, name, 0o700) == 0 || errno == EEXIST else {
            throw StoreError(errno: errno, operation, "\(path)/\(name)")
        }
    }

    /// Gives `name` the new name `newName`, replacing what is called so; durable when it returns.
    /// Implements: int renameat(int, const char *, int, const char *);
    func rename(_ name: String, to newName: String, _ operation: String) throws(StoreError) {
        guard renameat(raw, name, raw, newName) == 0 else {
            throw StoreError(errno: errno, operation, "\(path)/\(newName)")
        }
        try sync(operation)
    }

    /// Like `rename`, but throws `.alreadyExists` when something is called so.
    /// Implements: int renameat2(int, const char *, int, const char *, unsigned int);
    func renameNew(_ name: String, to newName: String, _ operation: String) throws(StoreError) {
        guard clinuxfile_rename_new(raw, name, raw, newName) == 0 else {
            throw StoreError(errno: errno, operation, "\(path)/\(newName)")
        }
        try sync(operation)
    }

    /// Removes a file; no error when there is none. Implements: int unlinkat(int, const char *, int);
    func unlink(_ name: String, _ operation: String) throws(StoreError) {
        guard unlinkat(raw, name, 0) == 0 || errno == ENOENT else {
            throw StoreError(errno: errno, operation, "\(path)/\(name)")
        }
    }

    /// The kind of what is called `name` (S_IFREG, S_IFDIR, ...), links not followed; nil when there is nothing.
    /// Implements: int fstatat(int, const char *, struct stat *, int);
    func kind(of name: String, _ operation: String) throws(StoreError) -> mode_t? {
        var status = stat()
        guard fstatat(raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw StoreError(errno: errno, operation, "\(path)/\(name)")
        }
        return status.st_mode & S_IFMT
    }

    /// Whether what is called `name` is the thing with this status. Opens nothing, so it needs no right to.
    /// Implements: int fstatat(int, const char *, struct stat *, int);
    func isSame(_ name: String, as other: stat, _ operation: String) throws(StoreError) -> Bool {
        var status = stat()
        guard fstatat(raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return false }
            throw StoreError(errno: errno, operation, "\(path)/\(name)")
        }
        return status.st_ino == other.st_ino && status.st_dev == other.st_dev
    }

    /// Names in this folder that are UTF-8, unsorted, without `.` and `..`.
    /// Implements: DIR *fdopendir(int); struct dirent *readdir(DIR *);
    func names(_ operation: String) throws(StoreError) -> [String] {
        // readdir moves the position of what it reads, so it gets an open file of its own.
        let own = openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else { throw StoreError(errno: errno, operation, path) }
        guard let stream = fdopendir(own) else {
            let code = errno
            _ = Glibc.close(own)
            throw StoreError(errno: code, operation, path)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw StoreError(errno: errno, operation, path) }
        return names
    }

    /// Removes `name` and, when it is a folder, all there is in it. Follows no link.
    func removeTree(_ name: String, depthMax: Int = 8, _ operation: String) throws(StoreError) {
        guard try kind(of: name, operation) == S_IFDIR, depthMax > 0 else { return try unlink(name, operation) }
        let folder = try openFolder(name, operation)
        for inner in try folder.names(operation) {
            try folder.removeTree(inner, depthMax: depthMax - 1, operation)
        }
        guard unlinkat(raw, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw StoreError(errno: errno, operation, folder.path)
        }
    }

    /// Gives a lock on the open file back. Implements: int flock(int, int);
    func unlock() { _ = clinuxfile_lock(raw, LOCK_UN) }

    /// Takes a lock on the open file; held until the last reference is gone. False when someone else has it and
    /// `waits` is false. Implements: int flock(int, int);
    func lock(_ kind: CInt, waits: Bool, _ operation: String) throws(StoreError) -> Bool {
        let result = FileDescriptor.retrying { clinuxfile_lock(raw, waits ? kind : kind | LOCK_NB) }
        if result == 0 { return true }
        guard errno == EWOULDBLOCK else { throw StoreError(errno: errno, operation, path) }
        return false
    }
}
