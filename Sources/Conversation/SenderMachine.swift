public import FerryCore

/// The sender's side of a conversation: what may come, what may go, and what it means.
///
/// A value: no sockets, no store, no clock. The engine tells it what it is about to send and what came in, and
/// does what the returned event says.
///
///     greeting --hello--> idle --offer()--> offered --answer send--> streaming --end()--> ending
///                          ^                   |                                            |
///                          +---published, refused---------------------- committed ----------+
///     offered --answer prove--> proving --conclude()--> concluding --committed--> idle
///     any state --fault--> closed
///
/// While proving, and while streaming a transfer whose extents are found by comparison, questions for digests go out and
/// are answered in order.
public struct SenderMachine: Sendable {
    /// What a record from the peer means for the engine.
    public enum Event: Equatable, Sendable {
        /// The peer greeted; offers may go.
        case ready(Hello)
        /// Send the delta from `base`, from `watermark` on, its extents found by `mode`.
        case send(base: SnapshotIdentity?, watermark: UInt64, savedContentByteCount: UInt64, mode: DiffMode)
        /// Ask for digests of the mirror's snapshot `mirror` of this size, which is published as `base`.
        case prove(base: SnapshotIdentity, mirror: SnapshotIdentity, byteCount: UInt64)
        /// The answer to the oldest open question.
        case digests(Digests)
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
        case streaming(Offer, sent: UInt64, durable: Progress, asksDigests: Bool)
        case proving(Offer, base: SnapshotIdentity)
        case concluding(Offer, base: SnapshotIdentity)
        case ending(Offer, Totals, durable: Progress)
        case closed
    }
    private var state = State.greeting
    private let versions: ClosedRange<Int>
    private var questions = OpenQuestions()
    /// The protocol version that both sides speak; nil before the peer has greeted.
    public private(set) var agreedVersion: Int?

    /// A machine for a new connection; our own hello, with these versions, goes first.
    public init(versions: ClosedRange<Int> = Hello.supportedVersions) {
        self.versions = versions
    }

    // The peer's fault may overtake what the engine is about to send: once closed, sending is noted nowhere. The
    // engine hears of the fault when it waits for the answer.

    /// Notes that an offer goes out.
    public mutating func offer(_ offer: Offer) {
        if case .closed = state { return }
        guard case .idle = state else { preconditionFailure("an offer goes out only when idle") }
        precondition(!offer.needsVersion2 || agreedVersion ?? 0 >= 2, "the peer must know what is offered")
        state = .offered(offer)
        questions = OpenQuestions()
    }

    /// Notes that a block with this much content goes out.
    public mutating func block(contentByteCount: Int) {
        if case .closed = state { return }
        guard case .streaming(let offer, let sent, let durable, let asksDigests) = state else {
            preconditionFailure("blocks go out only while streaming")
        }
        state = .streaming(
            offer, sent: sent + UInt64(contentByteCount), durable: durable, asksDigests: asksDigests)
    }

    /// Notes that a question for digests goes out; their number comes back in it.
    public mutating func ask(
        _ extents: [Extent], grainByteCount: UInt64, isFolded: Bool
    ) -> DigestQuery {
        switch state {
        case .closed, .proving, .streaming(_, _, _, asksDigests: true): break
        default: preconditionFailure("digests are asked for only while proving or comparing")
        }
        return questions.ask(extents, grainByteCount: grainByteCount, isFolded: isFolded)
    }

    /// Notes that it goes out that a comparison has come through to some offset.
    public mutating func settle() {
        switch state {
        case .closed, .streaming(_, _, _, asksDigests: true): break
        default: preconditionFailure("only what is compared is settled")
        }
    }

    /// Notes that a proof's result goes out; nothing follows until the answer.
    public mutating func conclude() {
        if case .closed = state { return }
        guard case .proving(let offer, let base) = state, questions.isEmpty else {
            preconditionFailure("a result goes out once all questions are answered")
        }
        state = .concluding(offer, base: base)
    }

    /// Notes that the totals go out; nothing follows until the answer.
    public mutating func end(_ totals: Totals) {
        if case .closed = state { return }
        guard case .streaming(let offer, let sent, let durable, _) = state, questions.isEmpty else {
            preconditionFailure("totals go out only while streaming, once all questions are answered")
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
            agreedVersion = try hello.agreedVersion(with: versions)
            state = .idle
            return .ready(hello)
        case (.answer(let answer), .offered(let offer)):
            return try received(answer, to: offer)
        case (.progress(let progress), .streaming(let offer, let sent, let durable, let asksDigests)):
            try check(progress, after: durable, sent: sent)
            state = .streaming(offer, sent: sent, durable: progress, asksDigests: asksDigests)
            return .progress(progress)
        case (.progress(let progress), .ending(let offer, let totals, let durable)):
            try check(progress, after: durable, sent: totals.contentByteCount)
            state = .ending(offer, totals, durable: progress)
            return .progress(progress)
        case (.committed(let committed), .ending(let offer, let totals, _)):
            return try received(committed, for: offer, totals)
        case (.committed(let committed), .concluding(let offer, let base)):
            return try received(committed, for: offer, base)
        case (.digests(let digests), .streaming(_, _, _, asksDigests: true)), (.digests(let digests), .proving):
            try questions.close(with: digests)
            return .digests(digests)
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
            return try received(send: answer, to: offer)
        case .prove:
            guard offer.purpose == .proof, let base = answer.base, let mirror = answer.mirror,
                let byteCount = answer.mirrorByteCount, byteCount <= Limits.imageByteCountMax
            else {
                throw ProtocolViolation(.unexpected(.answer, state: "no proof was offered, or it does not say of what"))
            }
            guard base == offer.target || offer.snapshots.contains(base) else {
                throw contradiction("snapshot to prove", expected: "an offered one", found: "\(base)")
            }
            state = .proving(offer, base: base)
            return .prove(base: base, mirror: mirror, byteCount: byteCount)
        }
    }

    private mutating func received(send answer: Answer, to offer: Offer) throws(ProtocolViolation) -> Event {
        guard offer.purpose != .proof else {
            throw ProtocolViolation(.unexpected(.answer, state: "a proof was offered"))
        }
        // A peer's word is a hint: only what this offer named can be its base.
        if let base = answer.base, !offer.snapshots.contains(base) || base.id >= offer.target.id {
            throw contradiction("base", expected: "an offered snapshot older than the target", found: "\(base)")
        }
        guard answer.watermark <= Limits.imageByteCountMax else {
            throw contradiction("watermark", expected: "inside the image", found: "\(answer.watermark)")
        }
        let mode = answer.mode ?? offer.mode
        guard mode == offer.mode || mode == offer.lostBaseMode && answer.base == nil else {
            throw contradiction("mode", expected: "one that was offered", found: mode.rawValue)
        }
        let durable = Progress(watermark: answer.watermark, contentByteCount: 0)
        state = .streaming(offer, sent: 0, durable: durable, asksDigests: mode == .compare)
        return .send(
            base: answer.base, watermark: answer.watermark, savedContentByteCount: answer.savedContentByteCount,
            mode: mode)
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

    private mutating func received(
        _ committed: Committed, for offer: Offer, _ base: SnapshotIdentity
    ) throws(ProtocolViolation) -> Event {
        guard committed.target == base else {
            throw contradiction("proven snapshot", expected: "\(base)", found: "\(committed.target)")
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
        case .proving: "proving"
        case .concluding: "waiting for a proof to be stored"
        case .closed: "closed"
        }
    }
}

extension Hello {
    /// The highest protocol version that both sides speak; throws when there is none.
    func agreedVersion(with ours: ClosedRange<Int>) throws(ProtocolViolation) -> Int {
        guard protocolVersionMin <= protocolVersion, protocolVersion <= 1_000_000 else {
            throw ProtocolViolation(.malformed(.hello, "protocol versions"))
        }
        let theirs = protocolVersionMin...protocolVersion
        guard ours.overlaps(theirs) else { throw ProtocolViolation(.version(ours: ours, theirs: theirs)) }
        return min(ours.upperBound, theirs.upperBound)
    }
}
