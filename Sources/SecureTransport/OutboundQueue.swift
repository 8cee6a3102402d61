import NIOCore
import Synchronization

/// Plaintext between the tasks that write it and the event loop. Bounded in bytes: above the bound writers wait, and are
/// let in first come, first served. A buffer counts until the kernel has taken its last byte.
final class OutboundQueue: Sendable {
    private typealias Continuation = CheckedContinuation<Result<Void, TransportError>, Never>

    private struct Writer {
        let number: UInt64
        let buffer: ByteBuffer
        let continuation: Continuation
    }

    private struct State {
        var buffers = CircularBuffer<ByteBuffer>()
        var byteCount = 0
        var byteCountPeak = 0
        var isDrainAsked = false
        var writers = CircularBuffer<Writer>()
        var nextNumber: UInt64 = 0
        var closed: TransportError?
        var failure: TransportError?
        var idleWaiters: [CheckedContinuation<Void, Never>] = []

        var isIdle: Bool { byteCount == 0 && writers.isEmpty || failure != nil }
    }

    private let byteCountMax: Int
    private let drainOnLoop: @Sendable () -> Void
    private let state = Mutex(State())

    /// `drainOnLoop` is called, on any thread, when there is something to `drain`.
    init(byteCountMax: Int, drainOnLoop: @escaping @Sendable () -> Void) {
        self.byteCountMax = byteCountMax
        self.drainOnLoop = drainOnLoop
    }

    /// Most bytes that were ever queued.
    var byteCountPeak: Int { state.withLock { $0.byteCountPeak } }

    /// Writers that wait for room.
    var waitingWriterCount: Int { state.withLock { $0.writers.count } }

    /// What a buffer counts.
    static func cost(_ buffer: ByteBuffer) -> Int {
        max(buffer.readableBytes, TransportLimits.queuedBufferByteCountMin)
    }

    /// Queues `buffer`, as soon as there is room. When it throws, nothing of the buffer was or will be sent.
    func write(_ buffer: ByteBuffer) async throws(TransportError) {
        guard buffer.readableBytes > 0 else { return }
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let writer = Writer(number: number, buffer: buffer, continuation: continuation)
                if let outcome = enqueueOrWait(writer) { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            cancelWriter(number)
        }
        return try outcome.get()
    }

    private func enqueueOrWait(_ writer: Writer) -> Result<Void, TransportError>? {
        let (outcome, isToDrain) = state.withLock { state -> (Result<Void, TransportError>?, Bool) in
            if let failure = state.failure ?? state.closed { return (.failure(failure), false) }
            if Task.isCancelled { return (.failure(.cancelled), false) }
            guard state.writers.isEmpty, fits(writer.buffer, state) else {
                state.writers.append(writer)
                return (nil, false)
            }
            return (.success(()), enqueue(writer.buffer, &state))
        }
        if isToDrain { drainOnLoop() }
        return outcome
    }

    private func fits(_ buffer: ByteBuffer, _ state: borrowing State) -> Bool {
        state.byteCount == 0 || state.byteCount + Self.cost(buffer) <= byteCountMax
    }

    /// Whether the event loop must be asked to drain.
    private func enqueue(_ buffer: ByteBuffer, _ state: inout State) -> Bool {
        state.buffers.append(buffer)
        state.byteCount += Self.cost(buffer)
        state.byteCountPeak = max(state.byteCountPeak, state.byteCount)
        defer { state.isDrainAsked = true }
        return !state.isDrainAsked
    }

    private func cancelWriter(_ number: UInt64) {
        let writer: Writer? = state.withLock { state in
            guard let index = state.writers.firstIndex(where: { $0.number == number }) else { return nil }
            return state.writers.remove(at: index)
        }
        writer?.continuation.resume(returning: .failure(.cancelled))
        admitWriters()
    }

    /// All that is queued and not yet taken; called by the event loop, which calls `sent` for each later.
    func drain() -> CircularBuffer<ByteBuffer> {
        state.withLock { state in
            state.isDrainAsked = false
            defer { state.buffers.removeAll() }
            return state.buffers
        }
    }

    /// The kernel has taken a buffer of this cost.
    func sent(cost: Int) {
        state.withLock { $0.byteCount -= cost }
        admitWriters()
    }

    private func admitWriters() {
        let (admitted, isToDrain, idle) = state.withLock { state in
            var admitted: [Continuation] = []
            var isToDrain = false
            // Only at half the bound: waking a writer for every buffer costs more than sending it.
            let isRoomy = state.byteCount <= byteCountMax / 2
            while isRoomy, let writer = state.writers.first, fits(writer.buffer, state) {
                state.writers.removeFirst()
                admitted.append(writer.continuation)
                if enqueue(writer.buffer, &state) { isToDrain = true }
            }
            return (admitted, isToDrain, Self.takeIdleWaiters(&state))
        }
        for continuation in admitted { continuation.resume(returning: .success(())) }
        for continuation in idle { continuation.resume() }
        if isToDrain { drainOnLoop() }
    }

    private static func takeIdleWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard state.isIdle else { return [] }
        defer { state.idleWaiters = [] }
        return state.idleWaiters
    }

    /// Nothing more can be sent: all writers, waiting and later, get `failure`. The first failure counts.
    func fail(_ failure: TransportError) {
        let (writers, idle) = state.withLock { state in
            state.failure = state.failure ?? failure
            state.buffers.removeAll()
            defer { state.writers.removeAll() }
            return (state.writers, Self.takeIdleWaiters(&state))
        }
        for writer in writers { writer.continuation.resume(returning: .failure(failure)) }
        for continuation in idle { continuation.resume() }
    }

    /// Later writers get `error`; what is queued and who waits already is still served.
    func close(_ error: TransportError) {
        state.withLock { $0.closed = $0.closed ?? error }
    }

    /// Waits until all that writers brought has gone to the kernel, or nothing can be sent any more.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if !state.isIdle { state.idleWaiters.append(continuation) }
                return state.isIdle
            }
            if isIdle { continuation.resume() }
        }
    }
}
