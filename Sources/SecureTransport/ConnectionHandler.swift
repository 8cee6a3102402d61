import NIOCore
import OpenSSL

/// The end of the pipeline: moves plaintext between `TLSHandler` and the two queues, and says when the handshake is done.
///
/// Thread rule: used on the channel's event loop only; the queues and the promise may be used from anywhere.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Asks the handler, from any thread, to take what the outbound queue holds.
    private struct Drain: Sendable {}

    private let handshake: EventLoopPromise<SecureConnection>
    private let inbound: InboundQueue
    private let outbound: OutboundQueue
    private let counters: WireCounters
    private let handshakeTimeout: Duration
    private let address: String
    private var deadline: Scheduled<Void>?
    private var isOpen = false

    init(
        channel: any Channel, address: String, counters: WireCounters, handshakeTimeout: Duration,
        handshake: EventLoopPromise<SecureConnection>
    ) {
        self.handshake = handshake
        self.counters = counters
        self.handshakeTimeout = handshakeTimeout
        self.address = address
        inbound = InboundQueue(byteCountMax: TransportLimits.receivedByteCountMax) { channel.read() }
        outbound = OutboundQueue(byteCountMax: TransportLimits.queuedByteCountMax) {
            // Never at once: the queue may ask from within a write, and a write must not begin inside another.
            channel.eventLoop.execute { channel.pipeline.triggerUserOutboundEvent(Drain(), promise: nil) }
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        let (handshake, address, timeout) = (handshake, address, handshakeTimeout)
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            handshake.fail(TransportError.handshakeTimedOut(address: address, after: timeout))
            channel.close(mode: .all, promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? TLSHandler.Event {
        case .handshakeCompleted(let peerIdentities):
            open(context, peerIdentities)
        case .peerClosed:
            inbound.finish(.success(()))
        case nil:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func open(_ context: ChannelHandlerContext, _ peerIdentities: [String]) {
        deadline?.cancel()
        isOpen = true
        handshake.succeed(
            SecureConnection(
                channel: context.channel, inbound: inbound, outbound: outbound, counters: counters,
                peerIdentities: peerIdentities, peerAddress: address))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inbound.push(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isOpen && inbound.wantsMore() { context.read() }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is Drain else { return context.triggerUserOutboundEvent(event, promise: promise) }
        for buffer in outbound.drain() {
            let sent = context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.whenComplete { [outbound, cost = OutboundQueue.cost(buffer)] _ in
                outbound.sent(cost: cost)
            }
            context.write(wrapOutboundOut(buffer), promise: sent)
        }
        context.flush()
        promise?.succeed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(TransportError(ended: error, address: address))
        // TLSHandler ends the connection by itself after its own errors; all others are the socket's.
        if !(error is TLSError) { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(isOpen ? .closed(address: address) : .closedDuringHandshake(address: address))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(.closed(address: address))
    }

    private func fail(_ error: TransportError) {
        deadline?.cancel()
        handshake.fail(error)
        inbound.finish(.failure(error))
        outbound.fail(error)
    }
}
