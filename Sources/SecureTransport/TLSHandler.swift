import NIOCore
import OpenSSL

/// TLS as a channel handler: ciphertext on the side of the socket, plaintext on ours.
///
/// The channel's automatic reading is off. During the handshake the handler reads by itself; afterwards each `read` from
/// our side lets one piece in. `close(mode: .output)` is the orderly end: goodbye (close_notify), end of our bytes, then
/// the peer's bytes are thrown away until it ends too. `close(mode: .all)` is a cut. A failure sends the alert that tells
/// the peer, and then ends in the same orderly way, so that the alert is not lost.
///
/// Thread rule: used on the channel's event loop only.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What our side is told besides plaintext and errors.
    enum Event: Sendable, Hashable {
        /// Both sides may send; the peer's certificate holds these names.
        case handshakeCompleted(peerIdentities: [String])
        /// The peer has said goodbye.
        case peerClosed
    }

    /// handshaking -> open -> ending -> closed; any state may go to ending (failure) or closed (socket gone).
    private enum State { case handshaking, open, ending, closed }

    private let connection: TLSConnection
    private let counters: WireCounters
    private let lingerTimeout: TimeAmount
    private var state = State.handshaking
    private var isStarted = false
    private var isPeerClosedTold = false
    private var hasInputEnded = false
    private var hasOutputEnded = false
    private var lingering: Scheduled<Void>?
    private var encryption = OutboundEncryption()
    private var plaintextPool = BufferPool(
        bufferByteCount: TransportLimits.socketReadByteCountMax, bufferCountMax: 6)
    private var ciphertextPool = BufferPool(
        bufferByteCount: TransportLimits.encryptedBufferByteCount, bufferCountMax: 10)

    init(connection: TLSConnection, counters: WireCounters, lingerTimeout: TimeAmount = TransportLimits.lingerTimeout) {
        self.connection = connection
        self.counters = counters
        self.lingerTimeout = lingerTimeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard !isStarted else { return }
        isStarted = true
        var nothing = ByteBuffer()
        received(&nothing, context)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var ciphertext = unwrapInboundIn(data)
        counters.received(ciphertext.readableBytes)
        received(&ciphertext, context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        switch state {
        case .handshaking, .ending: context.read()
        case .open, .closed: break
        }
        context.fireChannelReadComplete()
    }

    private func received(_ ciphertext: inout ByteBuffer, _ context: ChannelHandlerContext) {
        do throws(TLSError) {
            if state == .handshaking { try handshake(&ciphertext, context) }
            if state == .open { try decrypt(&ciphertext, context) }
            sendPendingOutput(context)
        } catch {
            fail(error, context)
        }
    }

    private func handshake(_ ciphertext: inout ByteBuffer, _ context: ChannelHandlerContext) throws(TLSError) {
        let progress = try connection.handshake(ciphertext.readableBytesSpan)
        ciphertext.moveReaderIndex(forwardBy: progress.consumedByteCount)
        guard progress.state == .handshakeComplete else { return }
        state = .open
        sendPendingOutput(context)
        context.fireUserInboundEventTriggered(
            Event.handshakeCompleted(peerIdentities: connection.peerIdentities))
        flush(context: context)
    }

    /// Decrypts all of `ciphertext`; what is left of a record stays inside libssl.
    private func decrypt(_ ciphertext: inout ByteBuffer, _ context: ChannelHandlerContext) throws(TLSError) {
        var next = TLSConnection.State.outputFull
        while next == .outputFull, state == .open {
            let capacity = min(
                ciphertext.readableBytes + TLSConnection.recordByteCountMax, TransportLimits.socketReadByteCountMax)
            var consumedByteCount = 0
            let plaintext = try plaintextPool.filled(byteCount: capacity, allocator: context.channel.allocator) {
                (buffer) throws(TLSError) in
                try buffer.writeWithOutputRawSpan(minimumWritableBytes: capacity) { (span) throws(TLSError) in
                    let progress = try connection.read(ciphertext.readableBytesSpan, into: &span)
                    consumedByteCount = progress.consumedByteCount
                    next = progress.state
                }
            }
            ciphertext.moveReaderIndex(forwardBy: consumedByteCount)
            if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
        }
        if next == .peerClosed { tellPeerClosed(context) }
    }

    private func tellPeerClosed(_ context: ChannelHandlerContext) {
        guard !isPeerClosedTold else { return }
        isPeerClosedTold = true
        hasInputEnded = true
        context.fireUserInboundEventTriggered(Event.peerClosed)
    }

    /// The peer's bytes have ended.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { inputEnded(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func inputEnded(_ context: ChannelHandlerContext) {
        hasInputEnded = true
        guard state == .handshaking || state == .open else { return closeIfBothEnded(context) }
        do throws(TLSError) {
            try connection.inputEnded()
            tellPeerClosed(context)
        } catch {
            fail(error, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let wasRunning = state == .handshaking || state == .open
        finish(.cut(duringHandshake: state == .handshaking))
        if wasRunning && !connection.isPeerClosed {
            context.fireErrorCaught(TLSError.cut(duringHandshake: !connection.isHandshakeComplete))
        }
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(.cut(duringHandshake: !connection.isHandshakeComplete))
    }

    private func finish(_ error: TLSError) {
        state = .closed
        lingering?.cancel()
        lingering = nil
        encryption.fail(error)
    }
}

extension TLSHandler {
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state == .handshaking || state == .open else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        encryption.append(unwrapOutboundIn(data), promise)
    }

    func flush(context: ChannelHandlerContext) {
        // Plaintext waits for the handshake; the bound on it is our caller's.
        guard state == .open else { return }
        do throws(TLSError) {
            // Each piece goes to the kernel while the processor's cache still holds it, and the peer can begin with it.
            while state == .open,
                let piece = try encryption.next(
                    connection, pool: &ciphertextPool, allocator: context.channel.allocator)
            {
                counters.sent(piece.ciphertext.readableBytes)
                context.writeAndFlush(wrapOutboundOut(piece.ciphertext), promise: piece.promise)
            }
            sendPendingOutput(context)
        } catch {
            fail(error, context)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        guard state == .open || state == .handshaking else {
            promise?.succeed()
            return
        }
        flush(context: context)
        connection.sendCloseNotify()
        end(context, promise)
    }

    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        guard state == .handshaking || state == .open else { return }
        // First said, then ended: the end may close the channel at once, and that must not look like the reason.
        state = .ending
        encryption.fail(error)
        context.fireErrorCaught(error)
        end(context, nil)
    }

    /// Sends what is left and ends our bytes; then waits a little for the peer to end, taking what it sends.
    private func end(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        state = .ending
        sendPendingOutput(context)
        let channel = context.channel
        lingering = context.eventLoop.scheduleTask(in: lingerTimeout) { channel.close(mode: .all, promise: nil) }
        let outputEnd = promise ?? context.eventLoop.makePromise()
        outputEnd.futureResult.assumeIsolated().whenComplete { _ in
            self.hasOutputEnded = true
            self.closeIfBothEnded(context)
        }
        context.close(mode: .output, promise: outputEnd)
        if state == .ending && !hasInputEnded { context.read() }
    }

    private func closeIfBothEnded(_ context: ChannelHandlerContext) {
        guard state == .ending, hasInputEnded, hasOutputEnded else { return }
        context.close(promise: nil)
    }

    private func sendPendingOutput(_ context: ChannelHandlerContext) {
        let byteCount = connection.pendingOutputByteCount
        guard byteCount > 0 else { return }
        var ciphertext = context.channel.allocator.buffer(capacity: byteCount)
        ciphertext.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { connection.takeOutput(into: &$0) }
        counters.sent(ciphertext.readableBytes)
        context.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
    }

    /// Ends the connection if its peer would not be let in by `newContext`.
    func checkPeer(by newContext: TLSContext, _ context: ChannelHandlerContext) {
        guard state == .open else { return }
        do throws(TLSError) {
            try connection.checkPeer(by: newContext)
        } catch {
            fail(error, context)
        }
    }
}
