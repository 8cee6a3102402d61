public import FerryCore

/// The receiver's side of a conversation: what may come, what may go, and what it means.
///
/// A value: no sockets, no store, no clock.
///
///     greeting --hello--> idle --offer--> deciding --answer(send)--> receiving --totals--> publishing
///                          ^                 |                                                |
///                          +---answer(published, refused)------------- committed() -----------+
///     deciding --answer(prove)--> proving --result--> concluding --concluded()--> idle
///     any state --fault--> closed
///
/// While proving, and while receiving a transfer whose extents are found by comparison, questions for digests come, a few
/// at a time, and are answered in order.
public struct ReceiverMachine: Sendable {
    /// What a record from the peer means for the engine.
    public enum Event: Equatable, Sendable {
        /// The peer greeted; our hello is due.
        case ready(Hello)
        /// Decide about this offer. Its names, sizes and lists are within limits.
        case offered(Offer)
        /// Take the block in.
        case block(BufferSlice)
        /// The sender has sent everything: check and publish.
        case ended(Totals)
        /// Answer with digests. It is within limits, and inside the snapshot.
        case asked(DigestQuery)
        /// Everything below the offset is equal, or is in the blocks that came before.
        case settled(UInt64)
        /// The proof is over: store what it showed.
        case proved(ProofResult)
        /// The peer ends the conversation.
        case fault(PeerFault)
        /// Nothing to do.
        case nothing
    }

    private enum State: Sendable {
        case greeting
        case idle
        case deciding(Offer)
        case receiving(Offer, Progress)
        case publishing(Offer, Totals, Progress)
        case proving(Offer, base: SnapshotIdentity)
        case concluding(base: SnapshotIdentity)
        case closed
    }
    private var state = State.greeting
    private let versions: ClosedRange<Int>
    private var agreedVersion = 1
    /// Whether the sender may ask for digests of an image of this size.
    private var askableByteCount: UInt64?
    private var questions = QuestionsToUs()

    /// A machine for a new connection; our own hello has these versions.
    public init(versions: ClosedRange<Int> = Hello.supportedVersions) {
        self.versions = versions
    }

    /// What a record from the peer means. Throws when it has no place here, or breaks a limit.
    public mutating func received(_ record: WireRecord) throws(ProtocolViolation) -> Event {
        guard let control = try ControlRecord(record) else {
            guard case .receiving = state else {
                throw ProtocolViolation(.unexpected(.block, state: stateName))
            }
            return .block(record.payload)
        }
        switch (control, state) {
        case (.keepAlive, _):
            return .nothing
        case (.fault(let fault), _):
            state = .closed
            return .fault(fault)
        case (.hello(let hello), .greeting):
            agreedVersion = try hello.agreedVersion(with: versions)
            state = .idle
            return .ready(hello)
        case (.offer(let offer), .idle):
            try offer.check()
            guard agreedVersion >= 2 || !offer.needsVersion2 else {
                throw ProtocolViolation(
                    .contradiction("offer", expected: "protocol \(agreedVersion)", found: "what needs protocol 2"))
            }
            state = .deciding(offer)
            return .offered(offer)
        case (.digestQuery(let query), .receiving), (.digestQuery(let query), .proving):
            guard let askableByteCount else { break }
            try query.check(imageByteCount: askableByteCount)
            try questions.open(query)
            return .asked(query)
        case (.settled(let settled), .receiving(let offer, _)):
            // Without comparison every stretch that a delta has comes in blocks.
            guard askableByteCount != nil else { break }
            guard settled.offset <= offer.byteCount else {
                throw ProtocolViolation(
                    .contradiction("settled", expected: "at most \(offer.byteCount)", found: "\(settled.offset)"))
            }
            return .settled(settled.offset)
        case (.proofResult(let result), .proving(_, let base)):
            try questions.requireEmpty(before: .proofResult)
            try result.check()
            state = .concluding(base: base)
            return .proved(result)
        case (.totals(let totals), .receiving(let offer, let durable)):
            try questions.requireEmpty(before: .totals)
            state = .publishing(offer, totals, durable)
            return .ended(totals)
        default:
            break
        }
        throw ProtocolViolation(.unexpected(control.tag, state: stateName))
    }

    /// Notes that an answer to the open offer goes out.
    public mutating func answer(_ answer: Answer) {
        guard case .deciding(let offer) = state else { preconditionFailure("an answer follows an offer") }
        askableByteCount = nil
        switch answer.kind {
        case .send:
            state = .receiving(offer, Progress(watermark: answer.watermark, contentByteCount: 0))
            if answer.mode ?? offer.mode == .compare { askableByteCount = offer.byteCount }
        case .prove:
            guard let base = answer.base else { preconditionFailure("a proof has a base") }
            state = .proving(offer, base: base)
            askableByteCount = answer.mirrorByteCount
        case .published, .refused: state = .idle
        }
        questions = QuestionsToUs(imageByteCount: askableByteCount ?? 0)
    }

    /// Notes that the answer to the oldest open question goes out.
    public mutating func answered(_ digests: Digests) { questions.close(digests.number) }

    /// The record that is due once a proof's result is stored.
    public mutating func concluded() -> Committed {
        guard case .concluding(let base) = state else { preconditionFailure("a proof's end follows its result") }
        state = .idle
        return Committed(target: base, digest: "")
    }

    /// Notes that a progress report goes out; the watermark never falls.
    public mutating func progress(_ progress: Progress) {
        switch state {
        case .receiving(let offer, let last):
            precondition(progress.watermark >= last.watermark, "the watermark only grows")
            state = .receiving(offer, progress)
        case .publishing(let offer, let totals, let last):
            precondition(progress.watermark >= last.watermark, "the watermark only grows")
            state = .publishing(offer, totals, progress)
        case .closed:
            // The sender's fault came in while the last checkpoint was made.
            return
        case .greeting, .idle, .deciding, .proving, .concluding:
            preconditionFailure("progress is told only during a transfer")
        }
    }

    /// The commit record that is due once the target is published; `stages` tells how long ours took.
    public mutating func committed(stages: StageTimes? = nil) -> Committed {
        guard case .publishing(let offer, let totals, _) = state else {
            preconditionFailure("a commit follows totals")
        }
        state = .idle
        return Committed(target: offer.target, digest: totals.digest, stages: stages)
    }

    private var stateName: String {
        switch state {
        case .greeting: "waiting for hello"
        case .idle: "no offer is open"
        case .deciding: "deciding about an offer"
        case .receiving: "receiving"
        case .publishing: "publishing"
        case .proving: "proving"
        case .concluding: "storing a proof"
        case .closed: "closed"
        }
    }
}

extension Offer {
    /// Whether only protocol 2 knows what is offered.
    public var needsVersion2: Bool { purpose != nil || lostBaseMode != nil || !mode.usesChangeList }

    /// Checks an offer's names, sizes and lists against the limits.
    func check() throws(ProtocolViolation) {
        try Self.checkName(image, "image name")
        try Self.checkName(target.name, "snapshot name")
        for snapshot in snapshots { try Self.checkName(snapshot.name, "snapshot name") }
        guard snapshots.count <= Limits.offeredSnapshotCountMax else {
            throw violation("at most \(Limits.offeredSnapshotCountMax) snapshots", "\(snapshots.count)")
        }
        guard byteCount <= Limits.imageByteCountMax else {
            throw violation("an image of at most \(Limits.imageByteCountMax) bytes", "\(byteCount)")
        }
        guard checkpointByteCount >= UInt64(Limits.blockContentByteCountMax) else {
            throw violation("a checkpoint distance of at least one block", "\(checkpointByteCount)")
        }
        // A list of changes leaves out the zeros that a head which is not empty needs.
        guard lostBaseMode?.usesChangeList != true, purpose != .repair || mode == .compare else {
            throw violation("a mode that needs no base", (lostBaseMode ?? mode).rawValue)
        }
        guard source.cluster.utf8.count <= 256, source.image.utf8.count <= 256 else {
            throw violation("an image identity of at most 256 bytes", "more")
        }
    }

    private static func checkName(_ name: String, _ what: String) throws(ProtocolViolation) {
        guard !name.isEmpty, name.utf8.count <= Limits.nameByteCountMax, !name.utf8.contains(0) else {
            throw ProtocolViolation(
                .contradiction(
                    what, expected: "1 to \(Limits.nameByteCountMax) bytes without NUL", found: name.printable))
        }
    }

    private func violation(_ expected: String, _ found: String) -> ProtocolViolation {
        ProtocolViolation(.contradiction("offer", expected: expected, found: found))
    }
}
