import NIOCore
import NIOPosix
import OpenSSL

/// What connecting and listening share: threads, socket options, the pipeline.
enum TransportChannel {
    /// Threads for all connections of the process; one connection stays on one. They live as long as the process.
    static let threads = MultiThreadedEventLoopGroup(numberOfThreads: max(1, min(2, System.coreCount)))

    /// Socket reads are as large as can be: fewer system calls, and records are decrypted many at a time.
    static let receiveAllocator = FixedSizeRecvByteBufferAllocator(capacity: TransportLimits.socketReadByteCountMax)

    /// Sets up a channel for TLS. On the channel's event loop.
    ///
    /// - Returns: the connection, once the handshake is done. Fails with `TransportError`.
    static func install(
        _ connection: TLSConnection, on channel: any Channel, address: String, handshakeTimeout: Duration
    ) throws -> EventLoopFuture<SecureConnection> {
        let counters = WireCounters()
        let handshake = channel.eventLoop.makePromise(of: SecureConnection.self)
        do {
            try channel.pipeline.syncOperations.addHandlers([
                TLSHandler(connection: connection, counters: counters),
                ConnectionHandler(
                    channel: channel, address: address, counters: counters, handshakeTimeout: handshakeTimeout,
                    handshake: handshake),
            ])
        } catch {
            handshake.fail(error)
            throw error
        }
        return handshake.futureResult
    }
}

// Options of every connection. Reading is on demand, one piece at a time: that is what bounds memory. A peer's end of
// bytes must not close our side, which may still have an answer to send. The sizes of the kernel's buffers are left alone:
// to set one turns off that it grows with the link, up to tcp_wmem and tcp_rmem.
extension ClientBootstrap {
    func applyingTransportOptions() -> ClientBootstrap {
        channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.recvAllocator, value: TransportChannel.receiveAllocator)
    }
}

extension ServerBootstrap {
    func applyingTransportOptions() -> ServerBootstrap {
        childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: TransportChannel.receiveAllocator)
    }
}
