import NIOCore
import NIOPosix
public import OpenSSL
import Synchronization

/// Accepts connections from senders.
///
/// Bounded: no more than `connectionCountMax` clients are served at once, and no more than `strangerCountMax` connections
/// exist besides, whose peers have not shown a client's certificate; a peer that does not finish the handshake in time is
/// dropped.
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
    private let gate: AdmissionGate
    private let context: @Sendable () -> TLSContext
    private let accepted: AsyncStream<Accepted>
    private let acceptedEnd: AsyncStream<Accepted>.Continuation
    private let isRunning = Atomic(false)

    private init(
        server: any Channel, gate: AdmissionGate, context: @escaping @Sendable () -> TLSContext,
        accepted: AsyncStream<Accepted>, acceptedEnd: AsyncStream<Accepted>.Continuation
    ) {
        self.server = server
        self.gate = gate
        self.context = context
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
        connectionCountMax: Int, strangerCountMax: Int = TransportLimits.strangerCountMax
    ) async throws(TransportError) -> SecureListener {
        let gate = AdmissionGate(clientCountMax: connectionCountMax, strangerCountMax: strangerCountMax)
        // Not bounded by itself: the gate bounds what goes in.
        let (accepted, acceptedEnd) = AsyncStream.makeStream(of: Accepted.self)
        let bootstrap = ServerBootstrap(group: TransportChannel.threads)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .applyingTransportOptions()
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let address = channel.remoteAddress?.shortDescription ?? "unknown peer"
                    if let dropped = gate.enter(channel, from: channel.remoteAddress?.crowd ?? address) {
                        dropped.pipeline.fireErrorCaught(TransportError.crowdedOut)
                    }
                    let handshake = try TransportChannel.install(
                        TLSConnection(server: context()), on: channel, address: address,
                        handshakeTimeout: handshakeTimeout)
                    acceptedEnd.yield(Accepted(channel: channel, address: address, handshake: handshake))
                }
            }
        do {
            let server = try await bootstrap.bind(host: address.host, port: address.port).get()
            return SecureListener(
                server: server, gate: gate, context: context, accepted: accepted, acceptedEnd: acceptedEnd)
        } catch {
            throw .cannotListen(address: address.description, reason: TransportError.reason(error))
        }
    }

    /// Connections that were turned away because too many were open already.
    public var turnedAwayCount: UInt64 { gate.turnedAwayCount }

    /// Clients that are being served.
    var clientCount: Int { gate.clientCount }

    /// Connections open now, those in handshake included.
    public var connectionCount: Int { gate.connectionCount }

    /// Serves connections until the listener is closed or the task is cancelled, and all that were being served have
    /// ended. `handle` gets each connection after its handshake; the connection is closed when `handle` returns.
    /// `isClient` tells by the names in a peer's certificate whether it is a client: one that is not is handled as well,
    /// as a stranger, so that it can be told. A client that finds no room goes to `turnAway` instead of `handle`.
    /// `onFailedHandshake` gets the peer's address and what went wrong. Called once.
    public func run(
        _ handle: @escaping @Sendable (SecureConnection) async -> Void,
        isClient: @escaping @Sendable (_ identities: [String]) -> Bool = { _ in true },
        turnAway: @escaping @Sendable (SecureConnection) async -> Void = { _ in },
        onFailedHandshake: @escaping @Sendable (_ address: String, _ error: TransportError) -> Void
    ) async {
        let serving = Serving(
            gate: gate, handle: handle, isClient: isClient, turnAway: turnAway, onFailedHandshake: onFailedHandshake)
        let wasRunning = isRunning.exchange(true, ordering: .relaxed)
        precondition(!wasRunning, "a listener runs once")
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await accepted in accepted {
                    group.addTask { await serving.serve(accepted) }
                }
            }
        } onCancel: {
            stopAccepting()
        }
        gate.closeAll()
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

    /// Ends connections whose peers would not be let in any more: their certificates may have been revoked. To be called
    /// when there is another context.
    public func checkPeers() {
        let context = context()
        for channel in gate.channels {
            channel.eventLoop.execute {
                // One whose handshake is not done gets its check there.
                guard let handler = try? channel.pipeline.syncOperations.context(handlerType: TLSHandler.self) else {
                    return
                }
                (handler.handler as? TLSHandler)?.checkPeer(by: context, handler)
            }
        }
    }
}

extension SecureListener {
    /// What a listener does with connections.
    private struct Serving: Sendable {
        let gate: AdmissionGate
        let handle: @Sendable (SecureConnection) async -> Void
        let isClient: @Sendable ([String]) -> Bool
        let turnAway: @Sendable (SecureConnection) async -> Void
        let onFailedHandshake: @Sendable (String, TransportError) -> Void

        func serve(_ accepted: Accepted) async {
            switch await handshake(accepted) {
            case .success(let connection):
                let isServed = !isClient(connection.peerIdentities) || gate.admit(accepted.channel)
                await isServed ? handle(connection) : turnAway(connection)
                await connection.close()
            case .failure(let error):
                onFailedHandshake(accepted.address, Task.isCancelled ? .cancelled : error)
            }
        }

        private func handshake(_ accepted: Accepted) async -> Result<SecureConnection, TransportError> {
            await withTaskCancellationHandler {
                do {
                    return .success(try await accepted.handshake.get())
                } catch {
                    return .failure(TransportError(ended: error, address: accepted.address))
                }
            } onCancel: {
                accepted.channel.close(mode: .all, promise: nil)
            }
        }
    }
}
