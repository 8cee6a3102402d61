public import NIOCore

/// An established TLS connection whose peer's certificate is checked. Whoever gets one must end it with `close` or
/// `abort`.
///
/// Thread rule: may be used from any task. TLS runs on the connection's event loop; the two directions do not wait for
/// each other, so both peers may write a lot at the same time as long as both read.
public final class SecureConnection: Sendable {
    /// The DNS and URI names in the peer's certificate.
    public let peerIdentities: [String]
    /// The peer's address and port.
    public let peerAddress: String

    private let channel: any Channel
    let inbound: InboundQueue
    let outbound: OutboundQueue
    private let counters: WireCounters

    init(
        channel: any Channel, inbound: InboundQueue, outbound: OutboundQueue, counters: WireCounters,
        peerIdentities: [String], peerAddress: String
    ) {
        self.channel = channel
        self.inbound = inbound
        self.outbound = outbound
        self.counters = counters
        self.peerIdentities = peerIdentities
        self.peerAddress = peerAddress
    }

    /// Bytes of ciphertext received from the socket.
    public var receivedByteCount: UInt64 { counters.receivedByteCount }
    /// Bytes of ciphertext handed to the socket.
    public var sentByteCount: UInt64 { counters.sentByteCount }

    /// The next bytes from the peer, never empty; nil when the peer has ended its side cleanly. One reader at a time.
    ///
    /// After `connect`, the first read tells whether the peer accepts our certificate (`TLSError` in `.tls`): in TLS 1.3
    /// the client is done before the server has looked at it.
    ///
    /// - Throws: `.cancelled` when the task is cancelled (the connection stays usable), `.cut` when the connection ended
    ///   without a goodbye, `.tls` when the peer or the stream is at fault, `.closed` after `close` or `abort`.
    public func read() async throws(TransportError) -> ByteBuffer? {
        try await inbound.next()
    }

    /// Queues `buffer` for sending; waits while more than 1 MiB is queued. Several writers may wait; they are served in
    /// the order in which they came. Returning does not mean that the peer has the bytes.
    ///
    /// - Throws: `.cancelled` when the task is cancelled while it waits; then nothing of the buffer is sent and the
    ///   connection stays usable. Otherwise why the connection ended.
    public func write(_ buffer: ByteBuffer) async throws(TransportError) {
        try await outbound.write(buffer)
    }

    /// Ends the connection in order: what is queued is sent, then the goodbye (close_notify); then waits for the peer to
    /// end as well. Waits some seconds at most, then closes whatever is left. What the peer still sends is thrown away.
    /// May be called more than once.
    public func close() async {
        let channel = channel
        let deadline = channel.eventLoop.scheduleTask(in: TransportLimits.closeTimeout) {
            channel.close(mode: .all, promise: nil)
        }
        outbound.close(.closed(address: peerAddress))
        inbound.discard(.closed(address: peerAddress))
        await outbound.waitUntilIdle()
        channel.close(mode: .output, promise: nil)
        // The future of a channel's end never fails.
        try? await channel.closeFuture.get()
        deadline.cancel()
    }

    /// Closes at once. The peer sees a cut, not a goodbye.
    public func abort() {
        outbound.fail(.closed(address: peerAddress))
        inbound.discard(.closed(address: peerAddress))
        channel.close(mode: .all, promise: nil)
    }
}
