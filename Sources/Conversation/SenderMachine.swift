public import FerryCore

/// The sender's side of a conversation: what may come, what may go, and what it means.
///
/// A value: no sockets, no store, no clock. The engine tells it what it is about to send and what came in, and
/// does what the returned event says.
///
///     greeting --hello--> idle --offer()--> offered --answer send--> streaming --end()--> ending
///                          ^                   |                                            |
///                          +---published, refused---------------------- committed ----------+
///     any state --fault--> closed
public struct SenderMachine: Sendable {
    /// What a record from the peer means for the engine.
    public enum Event: Equatable, Sendable {
        /// The peer greeted; offers may go.
        case ready(Hello)
        /// Send the delta from `base`, from `watermark` on.
        case send(base: SnapshotIdentity?, watermark: UInt64, savedContentByteCount: UInt64)
        /// The mirror holds the target already.
        case alreadyPublished
        /// The offer is refused; others may follow on this connection.
        case refused(PeerFault)
        /// This much is durable.
        case progress(Progress)
        /// The target is published.
        case committed(Committed)
        /// The peer ends the conversation.
        case fault(PeerFault)
        /// Nothing to do.
        case nothing
    }

    private enum State: Sendable {
        case greeting
        case idle
        case offered(Offer)
        case streaming(Offer, base: SnapshotIdentity?, sent: UInt64, durable: Progress)
        case ending(Offer, Totals, durable: Progress)
        case closed
    }
    private var state = State.greeting

    /// A machine for a new connection; our own hello goes first.
    public init() {}

    // The peer's fault may overtake what the engine is about to send: once closed, sending is noted nowhere. The
    // engine hears of the fault when it waits for the answer.

    /// Notes that an offer goes out.
    public mutating func offer(_ offer: Offer) {
        if case .closed = state { return }
        guard case .idle = state else { preconditionFailure("an offer goes out only when idle") }
        state = .offered(offer)
    }

    /// Notes that a block with this much content goes out.
    public mutating func block(contentByteCount: Int) {
        if case .closed = state { return }
        guard case .streaming(let offer, let base, let sent, let durable) = state else {
            preconditionFailure("blocks go out only while streaming")
        }
        state = .streaming(offer, base: base, sent: sent + UInt64(contentByteCount), durable: durable)
    }

    /// Notes that the totals go out; nothing follows until the answer.
    public mutating func end(_ totals: Totals) {
        if case .closed = state { return }
        guard case .streaming(let offer, _, let sent, let durable) = state else {
            preconditionFailure("totals go out only while streaming")
        }
        precondition(totals.contentByteCount == sent, "totals count what was sent")
        state = .ending(offer, totals, durable: durable)
    }

    /// What a record from the peer means. Throws when it has no place here, or contradicts what was said.
    public mutating func received(_ record: ControlRecord) throws(ProtocolViolation) -> Event {
        switch (record, state) {
        case (.keepAlive, _):
            return .nothing
        case (.fault(let fault), _):
            state = .closed
            return .fault(fault)
        case (.hello(let hello), .greeting):
            try hello.checkVersion()
            state = .idle
            return .ready(hello)
        case (.answer(let answer), .offered(let offer)):
            return try received(answer, to: offer)
        case (.progress(let progress), .streaming(let offer, let base, let sent, let durable)):
            try check(progress, after: durable, sent: sent)
            state = .streaming(offer, base: base, sent: sent, durable: progress)
            return .progress(progress)
        case (.progress(let progress), .ending(let offer, let totals, let durable)):
            try check(progress, after: durable, sent: totals.contentByteCount)
            state = .ending(offer, totals, durable: progress)
            return .progress(progress)
        case (.committed(let committed), .ending(let offer, let totals, _)):
            return try received(committed, for: offer, totals)
        default:
            throw ProtocolViolation(.unexpected(record.tag, state: stateName))
        }
    }

    private mutating func received(_ answer: Answer, to offer: Offer) throws(ProtocolViolation) -> Event {
        switch answer.kind {
        case .published:
            state = .idle
            return .alreadyPublished
        case .refused:
            guard let fault = answer.fault else {
                throw ProtocolViolation(.malformed(.answer, "refused without a fault"))
            }
            state = .idle
            return .refused(fault)
        case .send:
            // A peer's word is a hint: only what this offer named can be its base.
            if let base = answer.base, !offer.snapshots.contains(base) || base.id >= offer.target.id {
                throw contradiction("base", expected: "an offered snapshot older than the target", found: "\(base)")
            }
            guard answer.watermark <= offer.byteCount else {
                throw contradiction("watermark", expected: "inside the image", found: "\(answer.watermark)")
            }
            guard answer.savedContentByteCount <= Limits.imageByteCountMax else {
                throw contradiction(
                    "saved content", expected: "at most \(Limits.imageByteCountMax)",
                    found: "\(answer.savedContentByteCount)")
            }
            let durable = Progress(watermark: answer.watermark, contentByteCount: 0)
            state = .streaming(offer, base: answer.base, sent: 0, durable: durable)
            return .send(
                base: answer.base, watermark: answer.watermark, savedContentByteCount: answer.savedContentByteCount)
        }
    }

    private func check(
        _ progress: Progress, after durable: Progress, sent: UInt64
    ) throws(ProtocolViolation) {
        guard progress.contentByteCount <= sent else {
            throw contradiction("durable content", expected: "at most \(sent)", found: "\(progress.contentByteCount)")
        }
        guard progress.watermark >= durable.watermark, progress.contentByteCount >= durable.contentByteCount else {
            throw contradiction("watermark", expected: "\(durable.watermark) or more", found: "\(progress.watermark)")
        }
        if let share = progress.starvedShare, !(0...1).contains(share) {
            throw contradiction("starved share", expected: "0 to 1", found: "\(share)")
        }
    }

    private mutating func received(
        _ committed: Committed, for offer: Offer, _ totals: Totals
    ) throws(ProtocolViolation) -> Event {
        guard committed.target == offer.target else {
            throw contradiction("published snapshot", expected: "\(offer.target)", found: "\(committed.target)")
        }
        guard committed.digest == totals.digest else {
            throw contradiction("digest", expected: totals.digest, found: committed.digest)
        }
        state = .idle
        return .committed(committed)
    }

    private func contradiction(_ what: String, expected: String, found: String) -> ProtocolViolation {
        ProtocolViolation(.contradiction(what, expected: expected, found: found.printable))
    }

    private var stateName: String {
        switch state {
        case .greeting: "waiting for hello"
        case .idle: "no offer is open"
        case .offered: "waiting for the answer"
        case .streaming: "sending"
        case .ending: "waiting for the commit"
        case .closed: "closed"
        }
    }
}

extension Hello {
    /// Throws when no protocol version is spoken by both sides.
    func checkVersion() throws(ProtocolViolation) {
        let ours = Hello.supportedVersions
        guard protocolVersionMin <= protocolVersion, protocolVersion <= 1_000_000 else {
            throw ProtocolViolation(.malformed(.hello, "protocol versions"))
        }
        let theirs = protocolVersionMin...protocolVersion
        guard ours.overlaps(theirs) else { throw ProtocolViolation(.version(ours: ours, theirs: theirs)) }
    }
}
