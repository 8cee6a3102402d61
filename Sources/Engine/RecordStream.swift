import Conversation
import FerryCore
import NIOCore
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
    }
    private let link: any Link
    private let state = Mutex(State())

    init(link: any Link) {
        self.link = link
    }

    /// How long nothing was sent; zero while a write waits for the link, because then bytes are on their way.
    var idleTime: Duration {
        state.withLock { $0.pendingCount > 0 ? .zero : ContinuousClock.now - $0.lastSent }
    }

    /// How long the link has been taking nothing that waits for it; zero when nothing waits.
    var waitingTime: Duration {
        state.withLock { $0.pendingCount > 0 ? ContinuousClock.now - $0.pendingSince : .zero }
    }

    /// Sends the banner; once, before everything else.
    func sendBanner() async throws(TransportError) {
        try await write(WireDecoder.banner)
    }

    /// Sends a control record.
    func send(_ record: ControlRecord) async throws(TransportError) {
        try await write(record.wireRecord.encoded)
    }

    private func write(_ bytes: [UInt8]) async throws(TransportError) {
        try await write(BufferSlice(DataBuffer(bytes)))
    }

    /// Sends bytes that are whole records already.
    func write(_ bytes: BufferSlice) async throws(TransportError) {
        state.withLock { state in
            if state.pendingCount == 0 { state.pendingSince = .now }
            state.pendingCount += 1
        }
        defer {
            state.withLock { state in
                state.pendingCount -= 1
                state.lastSent = .now
                state.pendingSince = .now
            }
        }
        try await link.write(ByteBuffer(bytes: bytes.buffer.unsafeBytes[bytes.range]))
    }
}
