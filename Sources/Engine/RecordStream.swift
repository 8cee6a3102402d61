import Conversation
import FerryCore
import NIOCore
import Pipeline
import SecureTransport
import Synchronization

/// Reads records from a link. One reader at a time.
final class RecordReader: Sendable {
    private struct State {
        var decoder = WireDecoder()
        var buffer = ByteBuffer()
    }
    private let link: any Link
    private let state = Mutex(State())
    private let waiting = Mutex<ContinuousClock.Instant?>(nil)

    init(link: any Link) {
        self.link = link
    }

    /// How long the reader has been waiting for bytes; zero when it is not waiting.
    var waitingTime: Duration {
        waiting.withLock { $0.map { ContinuousClock.now - $0 } ?? .zero }
    }

    /// The next record; nil when the peer ended cleanly.
    func next() async throws -> WireRecord? {
        while true {
            if let record = try decode() { return record }
            waiting.withLock { $0 = .now }
            defer { waiting.withLock { $0 = nil } }
            guard let bytes = try await link.read() else { return nil }
            state.withLock { $0.buffer = bytes }
        }
    }

    private func decode() throws(ProtocolViolation) -> WireRecord? {
        try state.withLock { state throws(ProtocolViolation) in
            let buffer = state.buffer
            var position = 0
            let record = try state.decoder.next(buffer.readableBytesUInt8Span, at: &position)
            state.buffer.moveReaderIndex(forwardBy: position)
            return record
        }
    }
}

/// Writes records to a link. Records of several tasks go out whole, one after another.
final class RecordWriter: Sendable {
    private struct State {
        var lastSent = ContinuousClock.now
        var pendingCount = 0
        var pendingSince = ContinuousClock.now
        /// A record that was begun will not be ended: whatever follows would be taken for a part of it.
        var isBroken = false
    }
    /// What is handed to the link at once where no limit says less: on a line of some KiB a second a whole block takes
    /// many minutes, and must be seen to move. Twice what the transport encrypts at once.
    private static let sliceByteCountMax = 224 << 10
    private let link: any Link
    private let state = Mutex(State())
    /// Holds one record at a time, also while it waits between two slices.
    private let line = ByteBudget(limit: 1)

    init(link: any Link) {
        self.link = link
    }

    /// How long nothing was sent; zero while a record is under way, because then bytes are on their way.
    var idleTime: Duration {
        state.withLock { $0.pendingCount > 0 ? .zero : ContinuousClock.now - $0.lastSent }
    }

    /// How long the link has been taking nothing that waits for it; zero when nothing waits.
    var waitingTime: Duration {
        state.withLock { $0.pendingCount > 0 ? ContinuousClock.now - $0.pendingSince : .zero }
    }

    /// Sends the banner; once, before everything else.
    func sendBanner() async throws {
        try await write(WireDecoder.banner)
    }

    /// Sends a control record.
    func send(_ record: ControlRecord) async throws {
        try await write(record.wireRecord.encoded)
    }

    private func write(_ bytes: [UInt8]) async throws {
        try await write(BufferSlice(DataBuffer(bytes)))
    }

    /// Sends bytes that are whole records already, in slices that pass the throttles one by one. `onSlice` hears of
    /// each slice before it goes; `clock` tells waiting for a limit from waiting for the link.
    func write(
        _ bytes: BufferSlice, through throttles: [Throttle] = [], clock: StageClock = StageClock(),
        onSlice: @Sendable (Int) -> Void = { _ in }
    ) async throws {
        begin()
        defer { end() }
        try await line.take(1)
        defer { line.give(1) }
        var rest = bytes
        while rest.byteCount > 0 {
            let slice = rest.prefix(throttles.sliceByteCount ?? Self.sliceByteCountMax)
            do {
                try await throttles.timed(as: .limit, by: clock) { try await throttles.take(slice.byteCount) }
                onSlice(slice.byteCount)
                try await clock.time(.send) { try await self.send(slice) }
            } catch {
                if rest.byteCount < bytes.byteCount { stop() }
                throw error
            }
            rest = rest.dropFirst(slice.byteCount)
        }
    }

    /// Sends a keep-alive, unless a record is under way: that is a sign of life itself, and may take minutes.
    func keepAlive() async throws {
        guard line.takeAtOnce(1) else { return }
        begin()
        defer {
            end()
            line.give(1)
        }
        try await send(BufferSlice(DataBuffer(ControlRecord.keepAlive.wireRecord.encoded)))
    }

    private func begin() {
        state.withLock { state in
            if state.pendingCount == 0 { state.pendingSince = .now }
            state.pendingCount += 1
        }
    }

    private func end() {
        state.withLock { state in
            state.pendingCount -= 1
            state.lastSent = .now
            state.pendingSince = .now
        }
    }

    /// Makes what is being written end after its slice, and whatever is to be written next fail.
    func stop() { state.withLock { $0.isBroken = true } }

    private func send(_ slice: BufferSlice) async throws {
        guard !state.withLock({ $0.isBroken }) else { throw TransportError.cancelled }
        try await link.write(ByteBuffer(bytes: slice.buffer.unsafeBytes[slice.range]))
        state.withLock { $0.pendingSince = .now }
    }
}
