import NIOCore
import NIOPosix

/// Where a test connects to.
enum RawAddress {
    case tcp(port: Int)
    case socket(path: String)

    private var address: SocketAddress {
        get throws {
            switch self {
            case .tcp(let port): try SocketAddress(ipAddress: "127.0.0.1", port: port)
            case .socket(let path): try SocketAddress(unixDomainSocketPath: path)
            }
        }
    }

    /// Connects; the connection is closed when `body` returns.
    func connect<Result>(_ body: (RawConnection) async throws -> Result) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(inbound: inbound, outbound: outbound))
        }
    }

    /// Sends a request; all that comes until the server closes.
    func ask(_ method: String, _ path: String, body: String = "", headers: [String] = []) async throws -> String {
        try await connect { connection in
            try await connection.send(RawConnection.request(method, path, body: body, headers: headers))
            return try await connection.readToEnd()
        }
    }
}

/// A connection that sends what it is told, whether it is HTTP or not.
struct RawConnection {
    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    static func request(
        _ method: String, _ path: String, body: String = "", headers: [String] = ["Connection: close"]
    ) -> String {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: test", "Content-Length: \(body.utf8.count)"]
        let closing = headers.isEmpty ? ["Connection: close"] : headers
        return (lines + closing + ["", body]).joined(separator: "\r\n")
    }

    func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

    /// All that comes until the other side closes, or resets.
    func readToEnd() async throws -> String {
        var text = ""
        do {
            for try await buffer in inbound { text += String(buffer: buffer) }
        } catch let error as IOError where error.errnoCode == 104 {}
        return text
    }
}

/// A server on a Unix socket that says the same to all who connect, then hangs up or waits.
enum RawServer {
    static func run(at path: String, saying text: String, hangsUp: Bool, _ body: () async throws -> Void) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Speaker(text: text, hangsUp: hangsUp))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        try await server.close().get()
        try result.get()
    }

    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let text: String
        private let hangsUp: Bool

        init(text: String, hangsUp: Bool) {
            self.text = text
            self.hangsUp = hangsUp
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            if hangsUp { context.close(promise: nil) }
        }
    }
}
