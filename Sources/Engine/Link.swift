public import NIOCore
public import SecureTransport

/// One connection to a peer, as the engine sees it: bytes each way, bounded, in order.
///
/// The real one is `SecureConnection`; tests join two ends in memory.
public protocol Link: Sendable {
    /// Names in the peer's certificate.
    var peerIdentities: [String] { get }
    /// Where the peer is, for messages.
    var peerAddress: String { get }

    /// The next bytes; nil when the peer ended cleanly. One reader at a time.
    func read() async throws(TransportError) -> ByteBuffer?
    /// Sends bytes; waits while too many are queued. Several writers may wait, each is served whole.
    func write(_ buffer: ByteBuffer) async throws(TransportError)
    /// Sends what is queued, then ends the connection. Idempotent.
    func close() async
    /// Ends the connection at once.
    func abort()
}

extension SecureConnection: Link {}
