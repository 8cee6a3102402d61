import Glibc

/// A folder that no other agent makes or removes a socket in. Unlocked with its last reference.
///
/// Thread rule: the descriptor never changes and nothing is read or written through it.
final class FolderLock: Sendable {
    private let descriptor: CInt

    private init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    // Closing unlocks.
    deinit { close(descriptor) }

    /// Locks a folder; nil when another has it. Throws what kept it from being opened.
    ///
    /// Implements: int open(const char *, int, ...); int flock(int, int);
    static func tryLock(_ folder: String) throws(FolderLockError) -> FolderLock? {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FolderLockError(code: errno) }
        let lock = FolderLock(descriptor: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw FolderLockError(code: errno) }
            return nil
        }
        return lock
    }
}

/// The `errno` of a folder that can't be locked.
struct FolderLockError: Error {
    let code: CInt
}
