import CCeph
import FerryCore
import Synchronization

/// One request to an image.
enum RBDRequest: Sendable {
    /// Bytes of the image go to the buffer from `position` on.
    case read(Extent, position: Int)
    /// The buffer's bytes in the range go to the image from `offset` on.
    case write(offset: UInt64, range: Range<Int>)
    /// The extent becomes zeros.
    case writeZeroes(Extent)
    /// Everything written so far becomes durable.
    case flush
}

/// Requests to one image that are carried out side by side, with one wait for all of them.
///
/// librbd's callbacks come on its own threads and only note the result. Requests are handed in on
/// `CephThreads.submission`, a bounded number of them in flight, so that no thread waits for the cluster and a
/// long list does not fill librbd's memory.
final class RBDBatch: Sendable {
    /// Requests of one batch in flight.
    private static let inFlightCountMax = 64
    /// New requests are handed in when no more than this many are in flight.
    private static let inFlightCountLow = 32

    private let handle: RBDHandle
    private let buffer: DataBuffer?
    private let progress = Progress()

    private init(_ handle: RBDHandle, _ buffer: DataBuffer?) {
        self.handle = handle
        self.buffer = buffer
    }

    /// Carries out `requests`; ends when all that were begun have ended. Throws the first failure, after which no
    /// more are begun. Ranges must lie inside the buffer.
    static func run(
        _ requests: [RBDRequest], on handle: RBDHandle, _ buffer: DataBuffer? = nil
    ) async throws(CephError) {
        try await RBDBatch(handle, buffer).run(requests)
    }

    private func run(_ requests: [RBDRequest]) async throws(CephError) {
        var rest = requests[...]
        while !rest.isEmpty, progress.failure == nil {
            let next = rest.prefix(Self.inFlightCountMax - progress.inFlightCount)
            rest = rest.dropFirst(next.count)
            await CephThreads.submission.run { self.submit(next) }
            await progress.wait(untilInFlight: rest.isEmpty ? 0 : Self.inFlightCountLow)
        }
        await progress.wait(untilInFlight: 0)
        // The buffer and the handle live until here, and every callback has noted its result by now.
        try withExtendedLifetime(self) { () throws(CephError) in
            if let failure = progress.failure { throw failure }
        }
    }

    private func submit(_ requests: ArraySlice<RBDRequest>) {
        for request in requests where progress.failure == nil {
            progress.begin()
            do throws(CephError) {
                try start(request)
            } catch {
                progress.finish(failure: error)
            }
        }
    }

    /// How far a batch has come. Callbacks hold this and not the handle: the last reference to a handle must not go
    /// on one of librbd's threads, which can't wait for themselves to end.
    private final class Progress: Sendable {
        private struct State {
            var inFlightCount = 0
            var failure: CephError?
            var waiter: (inFlightCount: Int, continuation: CheckedContinuation<Void, Never>)?
        }
        private let state = Mutex(State())

        var inFlightCount: Int { state.withLock(\.inFlightCount) }
        var failure: CephError? { state.withLock(\.failure) }

        func begin() {
            state.withLock { $0.inFlightCount += 1 }
        }

        func finish(failure: CephError?) {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                state.inFlightCount -= 1
                state.failure = state.failure ?? failure
                guard let waiter = state.waiter, state.inFlightCount <= waiter.inFlightCount else { return nil }
                state.waiter = nil
                return waiter.continuation
            }
            continuation?.resume()
        }

        func wait(untilInFlight count: Int) async {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    guard state.inFlightCount > count else { return true }
                    state.waiter = (count, continuation)
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    /// A request in flight.
    private final class Pending: Sendable {
        let progress: Progress
        let request: RBDRequest

        init(_ progress: Progress, _ request: RBDRequest) {
            self.progress = progress
            self.request = request
        }
    }

    /// Implements: int rbd_aio_create_completion(void *cb_arg, rbd_callback_t complete_cb, rbd_completion_t *c);
    private func start(_ request: RBDRequest) throws(CephError) {
        let pending = Unmanaged.passRetained(Pending(progress, request))
        var completion: rbd_completion_t?
        let created = rbd_aio_create_completion(pending.toOpaque(), Self.completed, &completion)
        guard created == 0, let completion else {
            pending.release()
            throw CephError("rbd_aio_create_completion", Int(created))
        }
        let result = handOver(request, completion)
        // A request that was not taken has no callback: what that would release is released here.
        guard result >= 0 else {
            rbd_aio_release(completion)
            pending.release()
            throw CephError("rbd_aio_*, when asked to", Int(result))
        }
    }

    /// Implements: int rbd_aio_read2(rbd_image_t image, uint64_t off, size_t len, char *buf, rbd_completion_t c, int
    /// op_flags) and its kin rbd_aio_write2, rbd_aio_write_zeroes, rbd_aio_flush.
    private func handOver(_ request: RBDRequest, _ completion: rbd_completion_t) -> Int32 {
        let flags = Int32(LIBRADOS_OP_FLAG_FADVISE_SEQUENTIAL | LIBRADOS_OP_FLAG_FADVISE_NOCACHE)
        switch request {
        case .read(let extent, let position):
            return rbd_aio_read2(
                handle.raw, extent.offset, Int(extent.byteCount), address(position), completion, flags)
        case .write(let offset, let range):
            return rbd_aio_write2(handle.raw, offset, range.count, address(range.lowerBound), completion, flags)
        case .writeZeroes(let extent):
            return rbd_aio_write_zeroes(handle.raw, extent.offset, Int(extent.byteCount), completion, 0, flags)
        case .flush:
            return rbd_aio_flush(handle.raw, completion)
        }
    }

    private func address(_ position: Int) -> UnsafeMutablePointer<CChar>? {
        buffer?.unsafeBytes.baseAddress.map { ($0 + position).assumingMemoryBound(to: CChar.self) }
    }

    /// Implements: ssize_t rbd_aio_get_return_value(rbd_completion_t c); void rbd_aio_release(rbd_completion_t c);
    private static let completed: rbd_callback_t = { completion, argument in
        guard let argument else { return }
        let pending = Unmanaged<Pending>.fromOpaque(argument).takeRetainedValue()
        let result = rbd_aio_get_return_value(completion)
        rbd_aio_release(completion)
        pending.progress.finish(failure: pending.request.failure(result))
    }
}

extension RBDRequest {
    /// What a completion's return value says; nil when all was done.
    ///
    /// A read returns its length. A write returns 0, even when librbd cut it off at the end of the image: whoever
    /// writes must look at the image's size.
    fileprivate func failure(_ result: Int) -> CephError? {
        guard result >= 0 else { return CephError(call, result) }
        guard case .read(let extent, _) = self, result != extent.byteCount else { return nil }
        return CephError(
            .inconsistent, "a read gave \(result) of \(extent.byteCount) bytes at offset \(extent.offset)")
    }

    private var call: StaticString {
        switch self {
        case .read: "rbd_aio_read2"
        case .write: "rbd_aio_write2"
        case .writeZeroes: "rbd_aio_write_zeroes"
        case .flush: "rbd_aio_flush"
        }
    }
}
