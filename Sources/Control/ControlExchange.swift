import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// One request through a control socket, and its response.
struct ControlExchange: Sendable {
    let socketPath: String
    let method: HTTPMethod
    let uri: String
    let body: String
    let replyByteCountMax: Int

    /// Sends the request and waits for the response; without a `timeout` for as long as it takes.
    func run(timeout: Duration?) async throws(ControlClientError) -> NIOHTTPClientResponseFull {
        let loop = ControlListener.threads.next()
        let promise = loop.makePromise(of: NIOHTTPClientResponseFull.self)
        // Whoever completes the promise first decides; completing it closes the connection.
        let deadline = timeout.map { timeout in
            loop.scheduleTask(in: TimeAmount(timeout)) {
                promise.fail(ControlClientError.timedOut(path: socketPath, after: timeout))
            }
        }
        defer { deadline?.cancel() }
        connect(on: loop, promise)
        let outcome: Result<NIOHTTPClientResponseFull, ControlClientError> = await withTaskCancellationHandler {
            do {
                return .success(try await promise.futureResult.get())
            } catch {
                return .failure(failure(error))
            }
        } onCancel: {
            promise.fail(ControlClientError.cancelled)
        }
        return try outcome.get()
    }

    private func connect(on loop: any EventLoop, _ promise: EventLoopPromise<NIOHTTPClientResponseFull>) {
        guard socketPath.utf8.count <= UnixSocket.pathByteCountMax else {
            let reason = "the path is longer than \(UnixSocket.pathByteCountMax) bytes"
            return promise.fail(ControlClientError.failed(path: socketPath, reason: reason))
        }
        ClientBootstrap(group: loop)
            .channelInitializer { [replyByteCountMax] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOHTTPClientResponseAggregator(maxContentLength: replyByteCountMax), ReplyHandler(promise),
                    ])
                }
            }
            .connect(unixDomainSocketPath: socketPath)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    promise.futureResult.whenComplete { _ in channel.close(mode: .all, promise: nil) }
                    send(on: channel)
                case .failure(let error): promise.fail(error)
                }
            }
    }

    /// What goes wrong with it closes the connection, which `ReplyHandler` hears of.
    private func send(on channel: any Channel) {
        var headers = HTTPHeaders([("Host", "rbd-ferry"), ("Connection", "close")])
        if method == .POST {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: "\(body.utf8.count)")
        }
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !body.isEmpty {
            channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    private func failure(_ error: any Error) -> ControlClientError {
        switch error {
        case let error as ControlClientError: return error
        case is ReplyHandler.Ended: return .cut(path: socketPath)
        case let error as NIOHTTPObjectAggregatorError where error == .frameTooLong:
            return .notUnderstood(path: socketPath, reason: "the reply is longer than \(replyByteCountMax) bytes")
        case HTTPParserError.invalidEOFState: return .cut(path: socketPath)
        case is HTTPParserError: return .notUnderstood(path: socketPath, reason: "it is no HTTP (\(error))")
        case let error as IOError:
            switch error.errnoCode {
            case ENOENT, ECONNREFUSED: return .noAgent(path: socketPath)
            case EACCES, EPERM: return .notPermitted(path: socketPath)
            case ECONNRESET, EPIPE: return .cut(path: socketPath)
            case let code: return .failed(path: socketPath, reason: String(cString: strerror(code)))
            }
        default: return .failed(path: socketPath, reason: "\(error)")
        }
    }
}

/// Completes a promise with the response, or with what came instead.
private final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = NIOHTTPClientResponseFull

    /// The connection ended before the response did.
    struct Ended: Error {}

    private let promise: EventLoopPromise<NIOHTTPClientResponseFull>

    init(_ promise: EventLoopPromise<NIOHTTPClientResponseFull>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        promise.succeed(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(Ended())
    }
}
