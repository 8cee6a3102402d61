import NIOCore
import NIOEmbedded
import OpenSSL
import TestCertificates
import Testing

@testable import SecureTransport

@Suite("TLS as a channel handler, without sockets")
struct TLSHandlerTests {
    /// Keeps what the handler tells its side, and hands on nothing.
    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var received = ByteBuffer()
        var events: [TLSHandler.Event] = []
        var errors: [TLSError] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            received.writeBuffer(&buffer)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? TLSHandler.Event { events.append(event) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? TLSError { errors.append(error) }
        }
    }

    private struct Side {
        let channel = EmbeddedChannel()
        let recorder = Recorder()

        init(_ connection: TLSConnection) throws {
            try channel.pipeline.syncOperations.addHandlers([
                TLSHandler(connection: connection, counters: WireCounters()), recorder,
            ])
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        }

        /// Gives the peer all that this side has sent, in pieces.
        func deliver(to peer: Side, pieceByteCountMax: Int = .max) throws {
            while var sent = try channel.readOutbound(as: ByteBuffer.self) {
                while let piece = sent.readSlice(length: min(sent.readableBytes, pieceByteCountMax)),
                    piece.readableBytes > 0
                {
                    try peer.channel.writeInbound(piece)
                }
            }
        }
    }

    private let client: Side
    private let server: Side

    init() throws {
        let folder = try CertificateFolder()
        func files(_ name: String) -> TLSFiles {
            TLSFiles(
                authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"),
                key: folder.file("\(name).key"))
        }
        client = try Side(
            TLSConnection(client: files("sender").makeContext(role: .client), serverName: "receiver.site-b"))
        server = try Side(TLSConnection(server: files("receiver").makeContext(role: .server)))
    }

    private func handshake() throws {
        try client.deliver(to: server)
        try server.deliver(to: client)
        try client.deliver(to: server)
    }

    @Test("both sides are told who the other is")
    func events() throws {
        try handshake()
        #expect(client.recorder.events == [.handshakeCompleted(peerIdentities: ["receiver.site-b"])])
        #expect(server.recorder.events == [.handshakeCompleted(peerIdentities: ["sender.site-a"])])
    }

    @Test("what is written before the handshake is sent after it")
    func earlyWrite() throws {
        let promise = client.channel.eventLoop.makePromise(of: Void.self)
        client.channel.writeAndFlush(ByteBuffer(string: "early"), promise: promise)
        try handshake()
        try promise.futureResult.wait()
        #expect(server.recorder.received == ByteBuffer(string: "early"))
    }

    @Test("any number of buffers of any size arrive in order", arguments: [1000, 40_000, Int.max])
    func sizes(pieceByteCountMax: Int) throws {
        try handshake()
        var expected = ByteBuffer()
        for (index, byteCount) in [1, 0, 16_384, 300_000, 5, 245_760, 700_001, 1, 1].enumerated() {
            let buffer = ByteBuffer(repeating: UInt8(index), count: byteCount)
            expected.writeImmutableBuffer(buffer)
            client.channel.write(buffer, promise: nil)
        }
        client.channel.flush()
        try client.deliver(to: server, pieceByteCountMax: pieceByteCountMax)
        #expect(server.recorder.received == expected)
    }

    /// Fails every write at once, as a socket does that is being closed.
    private final class ClosedSocket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    @Test("whoever hears that a write failed may write again at once")
    func writeAfterFailure() throws {
        try handshake()
        let channel = client.channel
        try channel.pipeline.syncOperations.addHandler(ClosedSocket(), position: .first)
        let promises = (0..<2).map { _ in channel.eventLoop.makePromise(of: Void.self) }
        promises[0].futureResult.assumeIsolated().whenFailure { _ in
            channel.writeAndFlush(ByteBuffer(string: "again"), promise: promises[1])
        }
        channel.write(ByteBuffer(repeating: 1, count: 700_000), promise: promises[0])
        channel.writeAndFlush(ByteBuffer(string: "more"), promise: nil)
        for promise in promises {
            #expect(throws: ChannelError.ioOnClosedChannel) { try promise.futureResult.wait() }
        }
    }

    @Test("small buffers share one piece of ciphertext, and every promise is kept")
    func coalescing() throws {
        try handshake()
        let promises = (0..<100).map { _ in client.channel.eventLoop.makePromise(of: Void.self) }
        for promise in promises { client.channel.write(ByteBuffer(string: "x"), promise: promise) }
        client.channel.flush()
        for promise in promises { try promise.futureResult.wait() }
        _ = try client.channel.readOutbound(as: ByteBuffer.self)
        #expect(try client.channel.readOutbound(as: ByteBuffer.self) == nil)
    }

    @Test("an end of output says goodbye to the peer")
    func goodbye() throws {
        try handshake()
        client.channel.close(mode: .output, promise: nil)
        try client.deliver(to: server)
        #expect(server.recorder.events.last == .peerClosed)
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(server.recorder.errors.isEmpty)
    }

    @Test("an end of the peer's bytes without a goodbye is a cut")
    func cut() throws {
        try handshake()
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(server.recorder.errors == [.cut(duringHandshake: false)])
    }

    @Test("a socket that goes away without a goodbye is a cut, once")
    func inactive() throws {
        try handshake()
        server.channel.close(promise: nil)
        #expect(server.recorder.errors == [.cut(duringHandshake: false)])
    }

    @Test("bytes that are no TLS end the channel")
    func noTLS() throws {
        try server.channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(server.recorder.errors == [.peerDoesNotSpeakTLS])
        #expect(!server.channel.isActive)
    }

    @Test("damaged bytes are answered with an alert that the peer understands")
    func damaged() throws {
        try handshake()
        client.channel.writeAndFlush(ByteBuffer(string: "hello"), promise: nil)
        var ciphertext = try #require(try client.channel.readOutbound(as: ByteBuffer.self))
        let byte: UInt8 = try #require(ciphertext.getInteger(at: 9))
        ciphertext.setInteger(byte ^ 1, at: 9)
        try server.channel.writeInbound(ciphertext)
        try server.deliver(to: client)
        #expect(client.recorder.errors == [.peerAlert("bad record mac")])
    }
}
