import Engine
import NIOCore
import SecureTransport
import TestSupport

/// One end of a simulated connection.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
final class SimulatedLink: Link, @unchecked Sendable {
    let peerIdentities: [String]
    let peerAddress = "simulated"
    private let inbound: SimulatedPipe
    let outbound: SimulatedPipe
    private let latency: Duration
    /// Called before each read and write, with the bytes of a write.
    private let before: @Sendable (Int?) throws(TransportError) -> Void

    private init(
        identities: [String], inbound: SimulatedPipe, outbound: SimulatedPipe, latency: Duration,
        before: @escaping @Sendable (Int?) throws(TransportError) -> Void
    ) {
        peerIdentities = identities
        self.inbound = inbound
        self.outbound = outbound
        self.latency = latency
        self.before = before
    }

    /// Two ends, made by a plan. `before` is called before each read and write of either end.
    static func pair(
        _ plan: LinkPlan, senderIdentity: String, seed: UInt64,
        before: @escaping @Sendable (Int?) throws(TransportError) -> Void
    ) -> (sender: SimulatedLink, receiver: SimulatedLink) {
        let there = SimulatedPipe(plan, end: plan.senderEnd, seed: seed)
        var clean = plan
        clean.tampering = .none
        clean.isRecorded = false
        let back = SimulatedPipe(clean, end: plan.receiverEnd, seed: ~seed)
        let sender = SimulatedLink(
            identities: ["receiver"], inbound: back, outbound: there, latency: plan.latency, before: before)
        let receiver = SimulatedLink(
            identities: [senderIdentity], inbound: there, outbound: back, latency: plan.latency, before: before)
        for pipe in [there, back] {
            pipe.onEnd = { [unowned there, unowned back] fate in
                switch fate {
                case .cut: for pipe in [there, back] { pipe.cut("the network", atOnce: false) }
                case .silence: break
                case .deadSilence: for pipe in [there, back] { pipe.beSilent() }
                }
            }
        }
        return (sender, receiver)
    }

    func read() async throws(TransportError) -> ByteBuffer? {
        try before(nil)
        return try await inbound.read()
    }

    func write(_ buffer: ByteBuffer) async throws(TransportError) {
        try before(buffer.readableBytes)
        try await outbound.write(buffer)
    }

    func close() async {
        outbound.finish(.closed(address: peerAddress))
        inbound.failReader(.closed(address: peerAddress), atOnce: true)
        // The real one waits for the peer's goodbye.
        await VirtualExecutor.shared.wait(latency)
        inbound.failWriters(.cut(address: peerAddress, reason: "the peer closed"))
    }

    func abort() {
        outbound.failWriters(.closed(address: peerAddress))
        inbound.failReader(.closed(address: peerAddress), atOnce: true)
        VirtualExecutor.shared.schedule(after: latency) { [self] in
            outbound.failReader(.cut(address: peerAddress, reason: "the peer hung up"), atOnce: false)
            inbound.failWriters(.cut(address: peerAddress, reason: "the peer hung up"))
        }
    }

    /// What the end of this end's process does: it is cut, or just silent, for the peer.
    func die(silently: Bool) {
        outbound.failWriters(.closed(address: peerAddress))
        inbound.failReader(.closed(address: peerAddress), atOnce: true)
        if silently {
            outbound.beSilent()
        } else {
            abort()
        }
    }
}

extension SimulatedPipe {
    /// Both ends of this direction hear of a cut.
    func cut(_ reason: String, atOnce: Bool) {
        failReader(.cut(address: "simulated", reason: reason), atOnce: atOnce)
        failWriters(.cut(address: "simulated", reason: reason))
    }
}
