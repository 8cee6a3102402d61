import NIOCore
import Synchronization

/// Received plaintext between the event loop and the one task that reads it. Bounded in bytes of memory: above the bound
/// the event loop stops reading from the socket until the reader has taken half of it.
final class InboundQueue: Sendable {
    private typealias Reader = CheckedContinuation<Result<ByteBuffer?, TransportError>, Never>

    private struct State {
        var buffers = CircularBuffer<ByteBuffer>()
        var byteCount = 0
        var byteCountPeak = 0
        var isPaused = false
        var isDiscarding = false
        var end: Result<Void, TransportError>?
        var reader: Reader?

        /// What a reader gets now; nil if it has to wait.
        mutating func next() -> Result<ByteBuffer?, TransportError>? {
            if let buffer = buffers.popFirst() {
                byteCount -= buffer.storageCapacity
                return .success(buffer)
            }
            return end?.map { nil }
        }
    }

    private let byteCountMax: Int
    private let resumeReading: @Sendable () -> Void
    private let state = Mutex(State())

    /// `resumeReading` is called, on any thread, when reading from the socket should go on.
    init(byteCountMax: Int, resumeReading: @escaping @Sendable () -> Void) {
        self.byteCountMax = byteCountMax
        self.resumeReading = resumeReading
    }

    /// Most memory that was ever held, in bytes.
    var byteCountPeak: Int { state.withLock { $0.byteCountPeak } }

    /// Hands over plaintext, from the event loop.
    func push(_ buffer: ByteBuffer) {
        let reader: Reader? = state.withLock { state in
            guard state.end == nil else { return nil }
            if let reader = state.reader.take() { return reader }
            state.buffers.append(buffer)
            state.byteCount += buffer.storageCapacity
            state.byteCountPeak = max(state.byteCountPeak, state.byteCount)
            return nil
        }
        reader?.resume(returning: .success(buffer))
    }

    /// Whether the event loop should read on. If not, `resumeReading` will be called later.
    func wantsMore() -> Bool {
        state.withLock { state in
            guard state.end == nil else { return state.isDiscarding }
            state.isPaused = state.byteCount >= byteCountMax
            return !state.isPaused
        }
    }

    /// Nothing more comes: the peer ended, or the connection failed. What is queued can still be read. The first end
    /// counts.
    func finish(_ end: Result<Void, TransportError>) {
        let reader: Reader? = state.withLock { state in
            state.end = state.end ?? end
            return state.reader.take()
        }
        reader?.resume(returning: end.map { nil })
    }

    /// Nobody will read any more: drops what is queued and what still comes, so that the peer is not held up.
    func discard(_ error: TransportError) {
        let reader: Reader? = state.withLock { state in
            state.buffers.removeAll()
            state.byteCount = 0
            state.isDiscarding = true
            state.end = .failure(error)
            return state.reader.take()
        }
        reader?.resume(returning: .failure(error))
        resumeReading()
    }

    /// The next plaintext; nil when the peer has ended.
    func next() async throws(TransportError) -> ByteBuffer? {
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { reader in
                if let outcome = takeOrWait(reader) { reader.resume(returning: outcome) }
            }
        } onCancel: {
            state.withLock { $0.reader.take() }?.resume(returning: .failure(.cancelled))
        }
        return try outcome.get()
    }

    private func takeOrWait(_ reader: Reader) -> Result<ByteBuffer?, TransportError>? {
        let (outcome, isToResume) = state.withLock { state -> (Result<ByteBuffer?, TransportError>?, Bool) in
            if Task.isCancelled { return (.failure(.cancelled), false) }
            guard let outcome = state.next() else {
                precondition(state.reader == nil, "a connection has one reader at a time")
                state.reader = reader
                return (nil, false)
            }
            let isToResume = state.isPaused && state.byteCount <= byteCountMax / 2
            if isToResume { state.isPaused = false }
            return (outcome, isToResume)
        }
        if isToResume { resumeReading() }
        return outcome
    }
}
