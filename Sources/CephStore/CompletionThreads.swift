import CCeph
import Dispatch
import Synchronization

/// The two threads of a connection on which librados and librbd handle what has come from the cluster.
///
/// The one that has opened a clone's parent looks at the parent once more after it has told so. If it has to wait for a
/// processor just then, the clone may be open, looked at and closed before, and the parent's memory gone: librbd 16
/// crashes or hangs then. So whoever has opened a clone waits until both threads are done with what they did.
final class CompletionThreads: Sendable {
    /// How many there are: the setting `librados_thread_count`. With a single one, librbd waits for itself.
    static let count = 2
    /// A thread may be busy for longer than a meeting lasts. After this many, which take a second, the image is used all
    /// the same: what could be met is long past then, or librbd hangs anyway.
    private static let meetingCountMax = 50
    private let turn = Mutex(())

    /// Waits until both threads have finished what they were doing, which takes 0.1 ms. Blocks.
    func settle(_ context: rados_ioctx_t, _ image: rbd_image_t) {
        turn.withLock { _ in
            for _ in 0..<Self.meetingCountMax {
                let meeting = Meeting()
                meeting.invite(pool: context)
                meeting.invite(image: image)
                if meeting.takePlace() { return }
            }
        }
    }
}

/// A moment at which both threads are in a callback of ours, and so in nothing else.
///
/// librados calls back in one line and each image in a line of its own, so that two callbacks are on two threads when they
/// run at once. Neither call goes to the cluster.
private final class Meeting: Sendable {
    /// How long one waits for the other: it may be in a call that needs this very thread.
    private static let patience = DispatchTimeInterval.milliseconds(20)
    /// librbd wants an address for no bytes, too. Never freed.
    nonisolated(unsafe) private static let nowhere = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    private let seats = (0..<CompletionThreads.count).map { _ in DispatchSemaphore(value: 0) }
    private let ended = DispatchSemaphore(value: 0)
    private let metCount = Mutex(0)

    /// Whether they met, when both have gone. Blocks.
    func takePlace() -> Bool {
        for _ in seats { ended.wait() }
        return metCount.withLock(\.self) == seats.count
    }

    /// Implements: int rados_aio_create_completion2(void *cb_arg, rados_callback_t cb_complete, rados_completion_t *pc);
    /// int rados_aio_flush_async(rados_ioctx_t io, rados_completion_t completion);
    func invite(pool context: rados_ioctx_t) {
        let guest = Unmanaged.passRetained(Guest(self, seat: 0))
        var completion: rados_completion_t?
        let created = rados_aio_create_completion2(guest.toOpaque(), Self.radosCalled, &completion)
        guard created == 0, let completion else { return decline(guest) }
        if rados_aio_flush_async(context, completion) < 0 {
            rados_aio_release(completion)
            decline(guest)
        }
    }

    /// Implements: int rbd_aio_create_completion(void *cb_arg, rbd_callback_t complete_cb, rbd_completion_t *c); int
    /// rbd_aio_read(rbd_image_t image, uint64_t off, size_t len, char *buf, rbd_completion_t c);
    func invite(image: rbd_image_t) {
        let guest = Unmanaged.passRetained(Guest(self, seat: 1))
        var completion: rbd_completion_t?
        let created = rbd_aio_create_completion(guest.toOpaque(), Self.rbdCalled, &completion)
        guard created == 0, let completion else { return decline(guest) }
        if rbd_aio_read(image, 0, 0, Self.nowhere, completion) < 0 {
            rbd_aio_release(completion)
            decline(guest)
        }
    }

    private func decline(_ guest: Unmanaged<Guest>) {
        guest.release()
        ended.signal()
    }

    /// Who comes on one of the threads.
    private final class Guest: Sendable {
        private let meeting: Meeting
        private let seat: Int

        init(_ meeting: Meeting, seat: Int) {
            self.meeting = meeting
            self.seat = seat
        }

        func come() {
            for other in meeting.seats.indices where other != seat { meeting.seats[other].signal() }
            if meeting.seats[seat].wait(timeout: .now() + Meeting.patience) == .success {
                meeting.metCount.withLock { $0 += 1 }
            }
            meeting.ended.signal()
        }
    }

    /// Implements: void rados_aio_release(rados_completion_t c);
    private static let radosCalled: rados_callback_t = { completion, argument in
        guard let argument else { return }
        let guest = Unmanaged<Guest>.fromOpaque(argument).takeRetainedValue()
        rados_aio_release(completion)
        guest.come()
    }

    /// Implements: void rbd_aio_release(rbd_completion_t c);
    private static let rbdCalled: rbd_callback_t = { completion, argument in
        guard let argument else { return }
        let guest = Unmanaged<Guest>.fromOpaque(argument).takeRetainedValue()
        rbd_aio_release(completion)
        guest.come()
    }
}
