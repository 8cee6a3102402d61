import Glibc

/// A file that is being written beside its name, and gets it when it is whole. Removed with its last reference,
/// unless it was published.
///
/// Thread rule: `StreamWriter` holds it, behind its lock. All calls block.
final class PartialFile {
    let descriptor: StreamDescriptor
    private let path: String
    private let replacesExisting: Bool
    /// Nil where the user may make files and not look: then nobody can make the name durable.
    private let folder: StreamDescriptor?
    private let temporaryPath: String
    private var hasTemporaryName = true

    /// Makes an empty file beside `path` that only its owner may read: images are secrets.
    init(beside path: String, replacesExisting: Bool) throws(StreamFileError) {
        self.path = path
        self.replacesExisting = replacesExisting
        let (folder, name) = Self.parts(path)
        self.folder = try Self.openFolder(folder, for: path)
        for _ in 0..<16 {
            let temporaryPath = "\(folder)/\(Self.temporaryName(for: name))"
            do throws(StreamFileError) {
                let flags = O_WRONLY | O_CREAT | O_EXCL
                descriptor = try StreamDescriptor.open(temporaryPath, flags, "create", name: path)
                self.temporaryPath = temporaryPath
                return
            } catch {
                guard error.reason == .alreadyExists else { throw error }
            }
        }
        throw StreamFileError(errno: EEXIST, "create", path)
    }

    deinit { remove() }

    /// Makes the file durable, gives it its name, and makes that durable too.
    func publish() throws(StreamFileError) {
        try descriptor.sync("write")
        if replacesExisting {
            try rename()
        } else {
            try link()
        }
        hasTemporaryName = false
        try folder?.syncIfSupported("write")
    }

    /// Takes the file away, unless it was published. Any number of times.
    /// Implements: int unlink(const char *);
    func remove() {
        guard hasTemporaryName else { return }
        _ = unlink(temporaryPath)
        hasTemporaryName = false
    }

    /// Implements: int rename(const char *, const char *);
    private func rename() throws(StreamFileError) {
        guard Glibc.rename(temporaryPath, path) == 0 else { throw StreamFileError(errno: errno, "create", path) }
    }

    /// A link never replaces anything. Implements: int link(const char *, const char *);
    private func link() throws(StreamFileError) {
        guard Glibc.link(temporaryPath, path) == 0 else {
            let code = errno
            guard code != EEXIST else { throw StreamFileError(errno: code, "create", path) }
            return try claimAndRename()
        }
        _ = unlink(temporaryPath)
    }

    /// For file systems without links (exFAT, some in user space): takes the name with an empty file, and replaces that.
    private func claimAndRename() throws(StreamFileError) {
        _ = try StreamDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, "create")
        do throws(StreamFileError) {
            try rename()
        } catch {
            _ = unlink(path)
            throw error
        }
    }

    private static func openFolder(_ folder: String, for path: String) throws(StreamFileError) -> StreamDescriptor? {
        do throws(StreamFileError) {
            return try StreamDescriptor.open(folder, O_RDONLY | O_DIRECTORY, "create", name: path)
        } catch {
            guard error.reason == .notPermitted else { throw error }
            return nil
        }
    }

    private static func parts(_ path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let name = path[path.index(after: slash)...]
        return (slash == path.startIndex ? "/." : String(path[..<slash]), name)
    }

    /// The name's start is enough to know it by; a name has 255 bytes at most.
    private static func temporaryName(for name: Substring) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        let suffix = String((0..<6).map { _ in letters[Int.random(in: letters.indices)] })
        return ".\(String(decoding: name.utf8.prefix(200), as: UTF8.self)).\(suffix).partial"
    }
}
