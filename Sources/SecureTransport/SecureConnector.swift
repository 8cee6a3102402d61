import NIOCore
import NIOPosix
public import OpenSSL
import Synchronization

/// Makes connections to a receiver.
public enum SecureConnector {
    /// Connects, and does the TLS handshake. `serverName` must be a DNS name in the peer's certificate.
    ///
    /// - Throws: `TransportError`. That the peer refuses our certificate is known here only if it says so before the
    ///   handshake ends; otherwise the first `read` throws it.
    public static func connect(
        to target: HostAndPort, serverName: String, context: TLSContext, connectTimeout: Duration,
        handshakeTimeout: Duration
    ) async throws(TransportError) -> SecureConnection {
        let attempt = ConnectionAttempt(
            target: target, serverName: serverName, context: context, handshakeTimeout: handshakeTimeout)
        let outcome: Result<SecureConnection, TransportError> = await withTaskCancellationHandler {
            do {
                return .success(try await attempt.run(connectTimeout: connectTimeout))
            } catch {
                return .failure(TransportError(connecting: error, to: target))
            }
        } onCancel: {
            attempt.cancel()
        }
        guard Task.isCancelled else { return try outcome.get() }
        if case .success(let connection) = outcome { connection.abort() }
        throw .cancelled
    }
}

/// One call of `connect`. A name with several addresses makes several channels, of which one wins.
private final class ConnectionAttempt: Sendable {
    private struct State {
        var isCancelled = false
        var channels: [ObjectIdentifier: (channel: any Channel, handshake: EventLoopFuture<SecureConnection>)] = [:]
    }

    private let target: HostAndPort
    private let serverName: String
    private let context: TLSContext
    private let handshakeTimeout: Duration
    private let state = Mutex(State())

    init(target: HostAndPort, serverName: String, context: TLSContext, handshakeTimeout: Duration) {
        self.target = target
        self.serverName = serverName
        self.context = context
        self.handshakeTimeout = handshakeTimeout
    }

    func cancel() {
        let channels = state.withLock { state in
            state.isCancelled = true
            return state.channels.values.map(\.channel)
        }
        for channel in channels { channel.close(mode: .all, promise: nil) }
    }

    func run(connectTimeout: Duration) async throws -> SecureConnection {
        let channel = try await ClientBootstrap(group: TransportChannel.threads)
            .connectTimeout(TimeAmount(connectTimeout))
            .applyingTransportOptions()
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
            }
            .connect(host: target.host, port: target.port).get()
        guard let handshake = state.withLock({ $0.channels[ObjectIdentifier(channel)]?.handshake }) else {
            throw TransportError.cancelled
        }
        return try await handshake.get()
    }

    private func prepare(_ channel: any Channel) throws {
        let connection = try TLSConnection(client: context, serverName: serverName)
        let handshake = try TransportChannel.install(
            connection, on: channel, address: target.description, handshakeTimeout: handshakeTimeout)
        let isCancelled = state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = (channel, handshake)
            return state.isCancelled
        }
        if isCancelled { throw TransportError.cancelled }
    }
}
