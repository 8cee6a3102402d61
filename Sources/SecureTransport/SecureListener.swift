import NIOCore
import NIOPosix
public import OpenSSL
import Synchronization

/// Accepts connections from senders.
///
/// Bounded: no more than `connectionCountMax` connections exist at once, whatever state they are in; a peer that does not
/// finish the handshake in time is dropped.
public final class SecureListener: Sendable {
    /// A connection that was accepted; its handshake is under way.
    private struct Accepted: Sendable {
        let channel: any Channel
        let address: String
        let handshake: EventLoopFuture<SecureConnection>
    }

    /// The port listened on.
    public let localPort: Int

    private let server: any Channel
    private let gate: ConnectionGate
    private let accepted: AsyncStream<Accepted>
    private let acceptedEnd: AsyncStream<Accepted>.Continuation
    private let isRunning = Atomic(false)

    private init(
        server: any Channel, gate: ConnectionGate, accepted: AsyncStream<Accepted>,
        acceptedEnd: AsyncStream<Accepted>.Continuation
    ) {
        self.server = server
        self.gate = gate
        self.accepted = accepted
        self.acceptedEnd = acceptedEnd
        localPort = server.localAddress?.port ?? 0
    }

    /// Listens on `address`; port 0 lets the system choose. `context` is asked for each connection, on an event loop: it
    /// must have its answer at hand.
    ///
    /// - Throws: `TransportError.cannotListen`.
    public static func bind(
        to address: HostAndPort, context: @escaping @Sendable () -> TLSContext, handshakeTimeout: Duration,
        connectionCountMax: Int
    ) async throws(TransportError) -> SecureListener {
        let gate = ConnectionGate(connectionCountMax: connectionCountMax)
        // Not bounded by itself: the gate bounds what goes in.
        let (accepted, acceptedEnd) = AsyncStream.makeStream(of: Accepted.self)
        let bootstrap = ServerBootstrap(group: TransportChannel.threads)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .applyingTransportOptions()
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard gate.enter(channel) else { throw ChannelError.operationUnsupported }
                    let address = channel.remoteAddress?.shortDescription ?? "unknown peer"
                    let handshake = try TransportChannel.install(
                        TLSConnection(server: context()), on: channel, address: address,
                        handshakeTimeout: handshakeTimeout)
                    acceptedEnd.yield(Accepted(channel: channel, address: address, handshake: handshake))
                }
            }
        do {
            let server = try await bootstrap.bind(host: address.host, port: address.port).get()
            return SecureListener(server: server, gate: gate, accepted: accepted, acceptedEnd: acceptedEnd)
        } catch {
            throw .cannotListen(address: address.description, reason: TransportError.reason(error))
        }
    }

    /// Connections that were closed at once because `connectionCountMax` were open already.
    public var turnedAwayCount: UInt64 { gate.turnedAwayCount }

    /// Connections open now, those in handshake included.
    public var connectionCount: Int { gate.connectionCount }

    /// Serves connections until the listener is closed or the task is cancelled, and all that were being served have
    /// ended. `handle` gets each connection after its handshake; the connection is closed when `handle` returns.
    /// `onFailedHandshake` gets the peer's address and what went wrong. Called once.
    public func run(
        _ handle: @escaping @Sendable (SecureConnection) async -> Void,
        onFailedHandshake: @escaping @Sendable (_ address: String, _ error: TransportError) -> Void
    ) async {
        let wasRunning = isRunning.exchange(true, ordering: .relaxed)
        precondition(!wasRunning, "a listener runs once")
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await accepted in accepted {
                    group.addTask { await Self.serve(accepted, handle, onFailedHandshake) }
                }
            }
        } onCancel: {
            stopAccepting()
        }
        gate.closeAll()
    }

    private static func serve(
        _ accepted: Accepted, _ handle: @Sendable (SecureConnection) async -> Void,
        _ onFailedHandshake: @Sendable (String, TransportError) -> Void
    ) async {
        let outcome: Result<SecureConnection, TransportError> = await withTaskCancellationHandler {
            do {
                return .success(try await accepted.handshake.get())
            } catch {
                return .failure(TransportError(ended: error, address: accepted.address))
            }
        } onCancel: {
            accepted.channel.close(mode: .all, promise: nil)
        }
        switch outcome {
        case .success(let connection):
            await handle(connection)
            await connection.close()
        case .failure(let error):
            onFailedHandshake(accepted.address, Task.isCancelled ? .cancelled : error)
        }
    }

    private func stopAccepting() {
        server.close(mode: .all, promise: nil)
        acceptedEnd.finish()
    }

    /// Accepts no more connections; those being served go on, and `run` returns when they have ended.
    public func close() async {
        stopAccepting()
        // The future of a channel's end never fails.
        try? await server.closeFuture.get()
        if !isRunning.load(ordering: .relaxed) { gate.closeAll() }
    }
}
