import Conversation
import FerryCore

/// The receiver's machine, between a peer that says anything and an engine that does what it may: no event comes out of
/// its place, and what is offered keeps the limits.
///
/// Input: actions, one after another: a byte that chooses, and what the action takes of the input itself.
enum ReceiverFuzzer: Fuzzer {
    static let name = "receiver"

    /// What may happen. New actions go to the end of a list, so that the corpus keeps its meaning.
    private static let peerActions: [FuzzAction<Conversation>] = [
        { $0.receive(.hello(PeerWords.hello(&$1))) },
        { $0.receive(.offer(PeerWords.offer(&$1))) },
        { $0.receive(.offer(hostileOffer(&$1))) },
        { $0.receive(WireRecord(tag: .block, payload: $1.bytes(Int($1.byte())))) },
        { $0.receive(.totals(PeerWords.totals(&$1))) },
        { $0.receive(.fault(PeerWords.fault(&$1))) },
        { conversation, _ in conversation.receive(.keepAlive) },
        { $0.receive(PeerWords.any(&$1)) },
        { $0.receive(.answer(PeerWords.answer(&$1))) },
        { $0.receive(.committed(PeerWords.committed(&$1, target: nil))) },
        { $0.receive(.progress(Progress(watermark: $1.number(), contentByteCount: $1.number()))) },
        { $0.receive(.offer(PeerWords.laterOffer(&$1))) },
        { $0.receive(.digestQuery(PeerWords.query(&$1, number: $0.nextNumber))) },
        { $0.receive(.proofResult(PeerWords.proofResult(&$1))) },
        { $0.receive(.settled(Settled(offset: $1.number(near: 1 << 20)))) },
    ]
    private static let ownActions: [FuzzAction<Conversation>] = [
        { $0.sendAnswer(PeerWords.answer(&$1)) },
        { $0.sendProgress(rise: UInt64($1.length())) },
        { conversation, _ in conversation.sendCommit() },
        { $0.sendAnswer(PeerWords.laterAnswer(&$1)) },
        { conversation, _ in conversation.sendDigests() },
    ]

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        // Hello, offer, answer, block, progress, totals, progress, commit; all but the first again.
        let transfer: [UInt8] = [
            1, 9, 128, 0, 0, 0, 0, 0, 3, 2, 1, 2, 129, 9, 0, 4, 1, 2, 3, 0, 129, 1, 0, 130,
        ]
        return [
            [0, 0] + transfer + transfer, [0, 0, 1, 1, 128, 1, 0, 0, 0, 0] + transfer,
            [0, 0, 2, 1, 0, 255, 128, 9], [0, 0, 2, 2, 1, 0],
        ]
    }

    /// An offer that may break a limit.
    private static func hostileOffer(_ input: inout FuzzInput) -> Offer {
        var offer = PeerWords.offer(&input)
        let names = [String(repeating: "n", count: 4095 + Int(input.byte() & 3)), "", "a\0b", "\u{1b}[2J", "../x"]
        switch input.byte() % 8 {
        case 0: offer.image = input.one(of: names)
        case 1: offer.target = SnapshotIdentity(id: input.number(), name: input.one(of: names))
        case 2: offer.snapshots.append(SnapshotIdentity(id: 1, name: input.one(of: names)))
        case 3: offer.snapshots = Array(repeating: PeerWords.snapshots[0], count: 1022 + Int(input.byte() & 3))
        case 4: offer.byteCount = input.number(near: Limits.imageByteCountMax)
        case 5: offer.checkpointByteCount = input.number(near: UInt64(Limits.blockContentByteCountMax))
        case 6: offer.source = ImageIdentity(cluster: "c", pool: -1, image: input.one(of: names))
        default: offer.layout.stripeCount = input.number()
        }
        return offer
    }

    static func run(_ input: [UInt8]) {
        act(input, in: Conversation(), peer: peerActions, own: ownActions, isOver: \.isOver)
    }

    /// A machine, and beside it what its events say so far.
    private struct Conversation {
        private enum Phase { case greeting, idle, deciding, receiving, publishing, proving, concluding, closed }
        private var machine = ReceiverMachine()
        private var phase = Phase.greeting
        private var watermark: UInt64 = 0
        private var offer: Offer?
        private var totals: Totals?
        /// The snapshot that is being proven.
        private var proven: SnapshotIdentity?
        /// Questions that are open, oldest first.
        private var questions: [DigestQuery] = []
        /// The number that the next question must have.
        private(set) var nextNumber: UInt64 = 0
        /// Whether the machine refused a record: a connection ends then.
        private(set) var isOver = false

        // What the engine may do, it does.

        mutating func sendAnswer(_ answer: Answer) {
            guard phase == .deciding else { return }
            if answer.kind == .prove, offer?.purpose != .proof || answer.base == nil { return }
            machine.answer(answer)
            (watermark, proven, questions, nextNumber) = (answer.watermark, answer.base, [], 0)
            switch answer.kind {
            case .send: phase = .receiving
            case .prove: phase = .proving
            case .published, .refused: phase = .idle
            }
        }

        mutating func sendDigests() {
            guard let oldest = questions.first else { return }
            let bytes = [UInt8](repeating: 7, count: oldest.digestCount * Digests.digestByteCount)
            machine.answered(Digests(number: oldest.number, bytes: bytes))
            questions.removeFirst()
        }

        mutating func sendProgress(rise: UInt64) {
            guard phase == .receiving || phase == .publishing || phase == .closed else { return }
            let (sum, isTooFar) = watermark.addingReportingOverflow(rise)
            watermark = isTooFar ? .max : sum
            machine.progress(Progress(watermark: watermark, contentByteCount: 0))
        }

        mutating func sendCommit() {
            if phase == .concluding {
                require(machine.concluded().target == proven, "what is stored is what was proven")
                phase = .idle
            }
            guard phase == .publishing else { return }
            let committed = machine.committed()
            require(committed.target == offer?.target, "what is committed is what was offered")
            require(committed.digest == totals?.digest, "a commit agrees with the totals")
            phase = .idle
        }

        mutating func receive(_ record: ControlRecord) { receive(record.wireRecord) }

        mutating func receive(_ record: WireRecord) {
            let event = answer { () throws(ProtocolViolation) in try machine.received(record) }
            guard let event else { return isOver = true }
            switch event {
            case .ready: move(from: [.greeting], to: .idle)
            case .offered(let offer):
                checkLimits(offer)
                self.offer = offer
                move(from: [.idle], to: .deciding)
            case .block(let payload):
                require(payload == record.payload, "a block is handed on as it came")
                move(from: [.receiving], to: .receiving)
            case .ended(let totals):
                self.totals = totals
                move(from: [.receiving], to: .publishing)
            case .asked(let query):
                require(phase == .receiving || phase == .proving, "questions are about what is received or proven")
                require(query.digestCount <= Limits.digestCountMax, "an answer keeps its limit")
                require(query.grains.count <= Limits.digestCountMax, "and so do its grains")
                questions.append(query)
                nextNumber += 1
                require(questions.count <= Limits.digestQueryCountMax, "no more are open than may be")
            case .settled(let offset):
                require(offset <= offer?.byteCount ?? 0, "what is settled lies inside the image")
                move(from: [.receiving], to: .receiving)
            case .proved(let result):
                require(result.comparedByteCount <= result.imageByteCount, "no more is compared than there is")
                move(from: [.proving], to: .concluding)
            case .fault: phase = .closed
            case .nothing: require(record.tag == .keepAlive, "only a keep-alive means nothing")
            }
        }

        private mutating func move(from phases: [Phase], to next: Phase) {
            require(phases.contains(phase), "events come in their order: \(next) while \(phase)")
            phase = next
        }

        private func checkLimits(_ offer: Offer) {
            for name in [offer.image, offer.target.name] + offer.snapshots.map(\.name) {
                require((1...Limits.nameByteCountMax).contains(name.utf8.count), "names keep their limit")
                require(!name.utf8.contains(0), "names have no zero byte")
            }
            require(offer.snapshots.count <= Limits.offeredSnapshotCountMax, "an offer's list keeps its limit")
            require(offer.byteCount <= Limits.imageByteCountMax, "an image keeps its limit")
            let blockByteCount = UInt64(Limits.blockContentByteCountMax)
            require(offer.checkpointByteCount >= blockByteCount, "a window has room for a block")
        }
    }
}
