import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix

/// One address that an agent's server listens on.
final class ControlListener: Sendable {
    /// One thread for all: it answers while the transfers' threads are busy.
    static let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let server: any Channel
    private let connections: ConnectionLimit
    private let accepted: AsyncStream<any Channel>
    private let acceptedEnd: AsyncStream<any Channel>.Continuation
    private let http: HTTP1Channel
    private let stopTimeout: Duration
    private let logger: Logger

    /// The port listened on; nil of a Unix socket.
    var port: Int? { server.localAddress?.port }

    /// Begins to listen where `bind` says. What is accepted is served by `run`.
    init(
        _ responder: some HTTPResponder<ControlContext>, limits: ControlLimits, logger: Logger,
        bind: (ServerBootstrap) async throws -> any Channel
    ) async throws {
        let connections = ConnectionLimit(connectionCountMax: limits.connectionCountMax)
        // Not bounded by itself: the limit bounds what goes in.
        let (accepted, acceptedEnd) = AsyncStream.makeStream(of: (any Channel).self)
        let bootstrap = ServerBootstrap(group: Self.threads)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Nothing is read before there is someone to answer.
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.enter(channel) else { throw ChannelError.operationUnsupported }
                    acceptedEnd.yield(channel)
                }
            }
        server = try await bind(bootstrap)
        self.connections = connections
        self.accepted = accepted
        self.acceptedEnd = acceptedEnd
        self.logger = logger
        stopTimeout = limits.stopTimeout
        http = Self.http(responder, limits: limits, logger: logger)
    }

    private static func http(
        _ responder: some HTTPResponder<ControlContext>, limits: ControlLimits, logger: Logger
    ) -> HTTP1Channel {
        let configuration = HTTP1Channel.Configuration(
            idleTimeout: TimeAmount(limits.idleTimeout),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerByteCountMax, maxHeaderListSize: limits.headerByteCountMax,
                maxHeaderFieldCount: 100))
        return HTTP1Channel(
            responder: { request, writer, channel in
                let context = ControlContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
                let response = try await responder.respond(to: request, context: context)
                let deadline = channel.closing(after: limits.transferTimeout)
                defer { deadline.cancel() }
                try await writer.write(response: response.head, body: response.body)
            }, configuration: configuration)
    }

    /// Serves connections until the task is cancelled, and all that were being served have ended.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await channel in accepted {
                    group.addTask { await self.serve(channel) }
                }
            }
        } onCancel: {
            stopAccepting()
            server.eventLoop.scheduleTask(in: TimeAmount(stopTimeout)) { self.connections.closeAll() }
        }
        await closeServer()
    }

    private func serve(_ channel: any Channel) async {
        do {
            let connection = try await channel.eventLoop.flatSubmit { [http, logger] in
                http.setup(channel: channel, logger: logger)
            }.get()
            // Fails when the client is gone already; then there is an end to read.
            try? await channel.setOption(.autoRead, value: true).get()
            await http.handle(value: connection, logger: logger)
        } catch {
            // It was closed before it was set up.
            channel.close(mode: .all, promise: nil)
        }
    }

    /// Accepts no more connections, and closes those that `run` has not begun to serve.
    func close() async {
        stopAccepting()
        await closeServer()
    }

    /// What was accepted last is known once the server's channel has closed.
    private func closeServer() async {
        // The future of a channel's end never fails.
        try? await server.closeFuture.get()
        connections.closeAll()
    }

    private func stopAccepting() {
        server.close(mode: .all, promise: nil)
        acceptedEnd.finish()
    }
}
