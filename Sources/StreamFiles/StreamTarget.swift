import Glibc

/// What an output is written to: a file that gets its name when it is whole, or something that is there already.
enum StreamTarget {
    case partial(PartialFile)
    case inPlace(StreamDescriptor)

    /// Opens the standard output; `number` is another one in tests.
    static func standardOutput(_ number: CInt = STDOUT_FILENO) throws(StreamFileError) -> StreamTarget {
        let descriptor = try StreamDescriptor.duplicate(number, path: "standard output", "open")
        return .inPlace(try checked(descriptor.kind == .pipe ? ownPipeEnd(descriptor) : descriptor))
    }

    /// Opens or makes what `path` names. Nil for a pipe that nobody reads from yet.
    ///
    /// A file that exists is replaced only when `replacesExisting`.
    static func open(_ path: String, replacesExisting: Bool) throws(StreamFileError) -> StreamTarget? {
        switch try kind(of: path) {
        case nil:
            return .partial(try PartialFile(beside: path, replacesExisting: replacesExisting))
        case S_IFREG:
            guard replacesExisting else { throw StreamFileError(errno: EEXIST, "create", path) }
            guard let resolved = resolved(path) else { throw StreamFileError(errno: ENOENT, "create", path) }
            return .partial(try PartialFile(beside: resolved, replacesExisting: true))
        case S_IFIFO:
            do throws(StreamFileError) {
                return .inPlace(try openInPlace(path))
            } catch {
                guard error.reason == .wrongKind else { throw error }
                return nil
            }
        default:
            return .inPlace(try openInPlace(path))
        }
    }

    /// What the bytes go to.
    var descriptor: StreamDescriptor {
        switch self {
        case .partial(let file): file.descriptor
        case .inPlace(let descriptor): descriptor
        }
    }

    /// Makes what was written durable, where that can be had, and gives a file its name.
    func publish() throws(StreamFileError) {
        switch self {
        case .partial(let file): try file.publish()
        case .inPlace(let descriptor): if descriptor.isSeekable { try descriptor.sync("write") }
        }
    }

    /// The `S_IFMT` bits of what has the name; nil when nothing has. Follows symbolic links; one that leads nowhere
    /// counts as a file. Implements: int stat(const char *, struct stat *); int lstat(const char *, struct stat *);
    private static func kind(of path: String) throws(StreamFileError) -> mode_t? {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & S_IFMT }
        guard errno == ENOENT else { throw StreamFileError(errno: errno, "create", path) }
        return lstat(path, &status) == 0 ? S_IFREG : nil
    }

    /// The file that a symbolic link leads to; nil when there is none. Implements: char *realpath(const char *, char *);
    private static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private static func openInPlace(_ path: String) throws(StreamFileError) -> StreamDescriptor {
        let descriptor = try StreamDescriptor.open(path, O_WRONLY, "write to")
        // The name may have changed hands since we looked.
        guard descriptor.kind != .regularFile else { throw StreamFileError(errno: EEXIST, "create", path) }
        return try checked(descriptor)
    }

    private static func checked(_ descriptor: StreamDescriptor) throws(StreamFileError) -> StreamDescriptor {
        guard !descriptor.isTerminal else {
            throw StreamFileError(.isTerminal, "write to", descriptor.path, detail: "it is a terminal")
        }
        // It could not be read back: a device does not end where the stream ends.
        guard descriptor.kind != .blockDevice else {
            throw StreamFileError(.wrongKind, "write to", descriptor.path, detail: "it is a block device")
        }
        return descriptor
    }

    /// The same end of the pipe, opened once more, so that writes that do not block are ours alone: whoever shares
    /// our standard output does not expect them. Where that is not permitted, a write that waits can't be cancelled.
    private static func ownPipeEnd(_ descriptor: StreamDescriptor) throws(StreamFileError) -> StreamDescriptor {
        let flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC
        let raw = StreamDescriptor.retrying { Glibc.open("/proc/self/fd/\(descriptor.raw)", flags) }
        guard raw >= 0 else { return descriptor }
        return try StreamDescriptor(owning: raw, path: descriptor.path, "open")
    }
}
