public import Compression
public import FerryCore
import Glibc

/// Why a stream could not be read from where it is, or written to where it should go.
public struct StreamFileError: Failure, Hashable {
    /// What kind of trouble it is.
    public enum Reason: Sendable, Hashable {
        /// The file, or its folder, does not exist.
        case notFound
        /// The output exists already.
        case alreadyExists
        /// A stream is nothing to type or to show.
        case isTerminal
        /// The path names something that holds no stream: a folder, a socket.
        case wrongKind
        /// A device that is mounted, or in use otherwise.
        case inUse
        /// The user may not open it.
        case notPermitted
        /// The file system is full.
        case noSpace
        /// Whoever read the output went away before its end.
        case readerGone
        /// The zstd stream can't be made or taken apart.
        case zstd(ZstdError.Code)
        /// Any other trouble.
        case failed
    }

    /// What kind of trouble it is.
    public let reason: Reason
    /// The path, or "standard input" or "standard output".
    public let path: String
    /// What was being done, as a verb: "open", "read".
    public let operation: String
    /// What the system or libzstd says; may be empty. Not part of equality.
    public let detail: String

    init(_ reason: Reason, _ operation: String, _ path: String, detail: String = "") {
        self.reason = reason
        self.path = path
        self.operation = operation
        self.detail = detail
    }

    /// An error from a system call's `errno`.
    init(errno code: CInt, _ operation: String, _ path: String) {
        self.init(
            Self.reason(errno: code), operation, path, detail: "\(String(cString: strerror(code))) (\(code))")
    }

    init(_ error: ZstdError, _ operation: String, _ path: String) {
        self.init(.zstd(error.code), operation, path, detail: error.cause)
    }

    private static func reason(errno code: CInt) -> Reason {
        switch code {
        case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG: .notFound
        case EEXIST: .alreadyExists
        case EBUSY, ETXTBSY: .inUse
        case EACCES, EPERM, EROFS: .notPermitted
        case ENOSPC, EDQUOT: .noSpace
        case EPIPE, ECONNRESET: .readerGone
        case EISDIR, ENXIO: .wrongKind
        default: .failed
        }
    }

    /// Errors are equal when reason, operation and path are.
    public static func == (one: StreamFileError, other: StreamFileError) -> Bool {
        one.reason == other.reason && one.operation == other.operation && one.path == other.path
    }

    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(reason)
        hasher.combine(operation)
        hasher.combine(path)
    }

    /// A wrong path is the user's to put right; room and readers may be there the next time.
    public var disposition: Disposition {
        switch reason {
        case .notFound, .alreadyExists, .isTerminal, .wrongKind, .inUse: .usage
        case .notPermitted: .unauthorized
        case .noSpace, .readerGone: .temporary
        case .zstd(let code): ZstdError(code).disposition
        case .failed: .permanent
        }
    }

    /// What happened, to which file.
    public var cause: String {
        let text = "can't \(operation) \(path.printable)"
        return detail.isEmpty ? text : "\(text): \(detail)"
    }

    /// What the user can do.
    public var remedy: String {
        switch reason {
        case .notFound: "check the path"
        case .alreadyExists: "choose another name, or replace it with --force"
        case .isTerminal: "redirect it to a file or a pipe, or name a file"
        case .wrongKind: "name a file, a pipe, or - for standard input or output"
        case .inUse: "unmount it, or stop what uses it"
        case .notPermitted: "run as a user who may, or change the permissions"
        case .noSpace: "make room or write elsewhere, then run again"
        case .readerGone: "see why the program that reads the output ended, then run again"
        case .zstd(let code): ZstdError(code).remedy
        case .failed: "check the disk and the system's log"
        }
    }
}
