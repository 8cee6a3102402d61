import Engine
import NIOCore
import SecureTransport
import Synchronization

/// One end of a connection in memory.
final class MemoryLink: Link {
    let peerIdentities: [String]
    let peerAddress = "memory"
    private let inbound: Pipe
    private let outbound: Pipe
    private let bytesPerSecond: Int?

    private init(identities: [String], inbound: Pipe, outbound: Pipe, bytesPerSecond: Int? = nil) {
        peerIdentities = identities
        self.bytesPerSecond = bytesPerSecond
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Two ends. The connection is cut for both once the sender has sent `senderByteCountMax` bytes, or the
    /// receiver `receiverByteCountMax`; what was sent before then arrives. The sender's bytes
    /// take their time where a rate is given.
    static func pair(
        senderIdentities: [String], senderByteCountMax: UInt64 = .max, receiverByteCountMax: UInt64 = .max,
        senderBytesPerSecond: Int? = nil
    ) -> (sender: MemoryLink, receiver: MemoryLink) {
        let there = Pipe(byteCountMax: senderByteCountMax)
        let back = Pipe(byteCountMax: receiverByteCountMax)
        return (
            MemoryLink(identities: ["receiver"], inbound: back, outbound: there, bytesPerSecond: senderBytesPerSecond),
            MemoryLink(identities: senderIdentities, inbound: there, outbound: back)
        )
    }

    func read() async throws(TransportError) -> ByteBuffer? {
        try await inbound.read()
    }

    func write(_ buffer: ByteBuffer) async throws(TransportError) {
        guard let bytesPerSecond else { return try put(buffer) }
        var rest = buffer
        while let piece = rest.readSlice(length: min(rest.readableBytes, max(bytesPerSecond / 16, 1))),
            piece.readableBytes > 0
        {
            try put(piece)
            do {
                try await Task.sleep(for: .seconds(1) / 16)
            } catch {
                throw .cancelled
            }
        }
    }

    private func put(_ buffer: ByteBuffer) throws(TransportError) {
        do {
            try outbound.write(buffer)
        } catch {
            abort()
            throw error
        }
    }

    func close() async {
        outbound.end()
    }

    func abort() {
        inbound.cut()
        outbound.cut()
    }
}

/// One direction.
private final class Pipe: Sendable {
    private struct State {
        var buffers: [ByteBuffer] = []
        var byteCount: UInt64 = 0
        var isEnded = false
        var isCut = false
        var reader: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())
    private let byteCountMax: UInt64

    init(byteCountMax: UInt64) {
        self.byteCountMax = byteCountMax
    }

    func write(_ buffer: ByteBuffer) throws(TransportError) {
        var buffer = buffer
        let isCut = change { state in
            guard !state.isCut else { return true }
            let room = min(UInt64(buffer.readableBytes), byteCountMax - state.byteCount)
            if let part = buffer.readSlice(length: Int(room)) { state.buffers.append(part) }
            state.byteCount += room
            state.isCut = buffer.readableBytes > 0
            return state.isCut
        }
        if isCut { throw .cut(address: "memory", reason: "test") }
    }

    func read() async throws(TransportError) -> ByteBuffer? {
        while true {
            let outcome: Result<ByteBuffer?, TransportError>? = state.withLock { state in
                if !state.buffers.isEmpty { return .success(state.buffers.removeFirst()) }
                if state.isCut { return .failure(.cut(address: "memory", reason: "test")) }
                if state.isEnded { return .success(nil) }
                return nil
            }
            if let outcome { return try outcome.get() }
            if Task.isCancelled { throw .cancelled }
            await waitForChange()
        }
    }

    func end() { change { $0.isEnded = true } }

    func cut() { change { $0.isCut = true } }

    private func waitForChange() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.buffers.isEmpty, !state.isCut, !state.isEnded, !Task.isCancelled else { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            change { _ in }
        }
    }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, reader) = state.withLock { state in
            let result = body(&state)
            defer { state.reader = nil }
            return (result, state.reader)
        }
        reader?.resume()
        return result
    }
}
