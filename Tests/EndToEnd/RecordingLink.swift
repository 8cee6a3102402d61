import Engine
import NIOCore
import SecureTransport
import Synchronization

/// A real connection that keeps a copy of what is sent through it, as it is inside TLS.
final class RecordingLink: Link {
    private let connection: SecureConnection
    private let sent = Mutex<[UInt8]>([])

    init(_ connection: SecureConnection) { self.connection = connection }

    /// Everything that was sent so far.
    var capture: [UInt8] { sent.withLock { $0 } }

    var peerIdentities: [String] { connection.peerIdentities }
    var peerAddress: String { connection.peerAddress }

    func read() async throws(TransportError) -> ByteBuffer? { try await connection.read() }

    func write(_ buffer: ByteBuffer) async throws(TransportError) {
        // Writers may come side by side; the sender's data and its keep-alives need not be in the order of the wire,
        // but each is whole.
        sent.withLock { $0.append(contentsOf: buffer.readableBytesView) }
        try await connection.write(buffer)
    }

    func close() async { await connection.close() }

    func abort() { connection.abort() }
}
