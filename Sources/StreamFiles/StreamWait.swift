import Glibc
import Synchronization

/// How a thread waits for a pipe, socket or the like, and how it is woken: for good, as what waits is given up then.
///
/// Thread rule: the numbers never change. One thread at a time waits; any thread may wake or look, at any time.
final class StreamWait: Sendable {
    /// Ready for reading once `wake` was called.
    private let readEnd: CInt
    private let writeEnd: CInt
    private let awake = Atomic(false)
    private let waiting = Atomic(false)

    /// Implements: int pipe(int pipefd[2]);
    init(_ operation: String, _ path: String) throws(StreamFileError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw StreamFileError(errno: errno, operation, path) }
        readEnd = ends[0]
        writeEnd = ends[1]
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    deinit {
        _ = Glibc.close(readEnd)
        _ = Glibc.close(writeEnd)
    }

    /// Whether a thread waits now.
    var isWaiting: Bool { waiting.load(ordering: .relaxed) }

    /// Makes a wait now or later throw. Does not block: one byte is written in all.
    func wake() {
        guard !awake.exchange(true, ordering: .relaxed) else { return }
        _ = StreamDescriptor.retrying { write(writeEnd, "w", 1) }
    }

    /// Waits until `descriptor` can be read (`POLLIN`) or written (`POLLOUT`), or its other end is gone. Throws
    /// `CancellationError` when woken. Implements: int poll(struct pollfd *, nfds_t, int);
    func wait(for events: CInt, on descriptor: CInt, _ operation: String, _ path: String) throws {
        var polled = [
            pollfd(fd: descriptor, events: Int16(events), revents: 0),
            pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0),
        ]
        waiting.store(true, ordering: .relaxed)
        defer { waiting.store(false, ordering: .relaxed) }
        guard StreamDescriptor.retrying({ poll(&polled, nfds_t(polled.count), -1) }) > 0 else {
            throw StreamFileError(errno: errno, operation, path)
        }
        if polled[1].revents != 0 { throw CancellationError() }
    }
}
