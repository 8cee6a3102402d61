import Foundation
import Synchronization

/// A process of ours, started with posix_spawn.
///
/// Foundation's `Process` crashed now and then in a test run that started hundreds of them.
public final class ChildProcess: Sendable {
    /// It could not be started.
    public struct SpawnError: Error, CustomStringConvertible {
        /// What the system said.
        public let description: String
    }

    /// Its process id.
    public let processID: Int32
    private let hasEnded = Mutex(false)

    /// Starts `program`, looked up in PATH. Its output and errors go to the files named, which are emptied first; it
    /// reads nothing, and inherits no other files. `onEnd` hears its exit status, or the negative number of the
    /// signal that ended it, on a thread of its own.
    public init(
        _ program: String, _ arguments: [String], outputFile: String, errorFile: String,
        onEnd: @escaping @Sendable (Int32) -> Void
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let writing = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputFile, writing, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorFile, writing, 0o600)
        // glibc passes over those that are not open.
        for file in Int32(3)..<512 { posix_spawn_file_actions_addclose(&actions, file) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.resetSignals(&attributes)
        processID = try Self.spawn(program, arguments, &actions, &attributes)
        Thread.detachNewThread { [self] in onEnd(waitUntilEnd()) }
    }

    /// Sends a signal, unless the process has ended.
    public func signal(_ number: Int32) {
        // Under the lock, so that the number can't belong to another process by now.
        hasEnded.withLock { hasEnded in
            if !hasEnded { kill(processID, number) }
        }
    }

    private func waitUntilEnd() -> Int32 {
        var info = siginfo_t()
        // Without reaping, so that the id stays ours until the lock is held.
        while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        return hasEnded.withLock { hasEnded in
            hasEnded = true
            var status: Int32 = 0
            while waitpid(processID, &status, 0) == -1, errno == EINTR {}
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : -signal
        }
    }

    /// The child handles signals as a program started from a shell does.
    private static func resetSignals(_ attributes: inout posix_spawnattr_t) {
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ actions: inout posix_spawn_file_actions_t,
        _ attributes: inout posix_spawnattr_t
    ) throws -> pid_t {
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var processID: pid_t = 0
        let result = posix_spawnp(&processID, program, &actions, &attributes, &words, environ)
        guard result == 0 else {
            throw SpawnError(description: "\(program): \(String(cString: strerror(result)))")
        }
        return processID
    }
}
