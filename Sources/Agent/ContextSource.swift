import FerryCore
import Foundation
import OpenSSL
import SecureTransport
import Synchronization

/// The certificates in force: read anew when their files change, for the connections that begin from then on.
final class ContextSource: Sendable {
    private struct State {
        var files: TLSFiles
        var context: TLSContext
        var stamps: [Stamp?]
        var failure: TLSFileError?
    }
    /// What tells that a file is another one than before.
    private struct Stamp: Equatable {
        let inode: UInt64
        let changedAt: Int
        let nanoseconds: Int
    }
    private let role: TLSRole
    private let state: Mutex<State>

    /// Reads the files. Throws when they can't be used.
    init(_ files: TLSFiles, role: TLSRole) throws(TLSFileError) {
        self.role = role
        let stamps = Self.stamps(of: files)
        state = Mutex(State(files: files, context: try files.makeContext(role: role), stamps: stamps))
    }

    /// For the next connection.
    var current: TLSContext { state.withLock { $0.context } }

    /// Why the files that are there now are not in force; nil when they are.
    var failure: TLSFileError? { state.withLock { $0.failure } }

    /// The files in force.
    var files: TLSFiles { state.withLock { $0.files } }

    /// Takes other files, or the same after a change, into force. Throws, and goes on with those before, when they
    /// can't be used. Reads files: not for the cooperative pool.
    func replace(_ files: TLSFiles) throws(TLSFileError) {
        let stamps = Self.stamps(of: files)
        do throws(TLSFileError) {
            let context = try files.makeContext(role: role)
            state.withLock { $0 = State(files: files, context: context, stamps: stamps) }
        } catch {
            state.withLock { state in
                state.failure = error
                state.stamps = stamps
            }
            throw error
        }
    }

    /// Looks whether files have changed, and takes them. True when it did. Reads files: not for the cooperative pool.
    func refresh() throws(TLSFileError) -> Bool {
        let (files, stamps) = state.withLock { ($0.files, $0.stamps) }
        guard Self.stamps(of: files) != stamps else { return false }
        try replace(files)
        return true
    }

    /// Implements: int stat(const char *pathname, struct stat *statbuf);
    private static func stamps(of files: TLSFiles) -> [Stamp?] {
        files.paths.map { path in
            var found = stat()
            guard stat(path, &found) == 0 else { return nil }
            return Stamp(
                inode: UInt64(found.st_ino), changedAt: found.st_mtim.tv_sec, nanoseconds: found.st_mtim.tv_nsec)
        }
    }
}
