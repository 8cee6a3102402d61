import Conversation
import FerryCore

/// The sender's machine, between a peer that says anything and an engine that does what it may: no event comes out of its
/// place, and what a peer says is durable never falls and is never more than was sent.
///
/// Input: actions, one after another: a byte that chooses, and what the action takes of the input itself.
enum SenderFuzzer: Fuzzer {
    static let name = "sender"

    /// What may happen. New actions go to the end of a list, so that the corpus keeps its meaning.
    private static let peerActions: [FuzzAction<Conversation>] = [
        { $0.receive(.hello(PeerWords.hello(&$1))) },
        { $0.receive(.answer(PeerWords.answer(&$1))) },
        { $0.receive(.progress(PeerWords.progress(&$1, near: $0.durable))) },
        { $0.receive(.committed(PeerWords.committed(&$1, target: $0.offer?.target))) },
        { $0.receive(.fault(PeerWords.fault(&$1))) },
        { conversation, _ in conversation.receive(.keepAlive) },
        { $0.receive(PeerWords.any(&$1)) },
        { $0.receive(.offer(PeerWords.offer(&$1))) },
        { $0.receive(.totals(PeerWords.totals(&$1))) },
        { $0.receive(.answer(PeerWords.laterAnswer(&$1))) },
        { $0.receive(.digests(PeerWords.digests(&$1, number: $0.oldest.number, count: $0.oldest.digestCount))) },
        { conversation, _ in
            let target = conversation.proven ?? PeerWords.snapshots[0]
            conversation.receive(.committed(Committed(target: target, digest: "")))
        },
    ]
    private static let ownActions: [FuzzAction<Conversation>] = [
        { $0.sendOffer(PeerWords.offer(&$1)) },
        { $0.sendBlock(byteCount: $1.length()) },
        { $0.sendTotals(digest: $1.one(of: PeerWords.digests)) },
        { $0.sendOffer(PeerWords.laterOffer(&$1)) },
        { $0.ask(isFolded: $1.byte() & 1 != 0) },
        { conversation, _ in conversation.conclude() },
        { conversation, _ in conversation.settle() },
    ]

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        // Hello, offer, answer, block, progress, totals, commit; the second half again.
        let transfer: [UInt8] = [
            128, 3, 1, 0, 0, 0, 0, 1, 129, 200, 0, 2, 70, 70, 0, 129, 9, 0, 2, 1, 4, 1, 130, 0, 3, 10, 0,
        ]
        return [[0, 0] + transfer + transfer, [0, 0, 128, 3, 1, 1, 0, 0, 0, 0, 128, 3, 1, 2, 0, 0, 0, 0, 4]]
    }

    static func run(_ input: [UInt8]) {
        act(input, in: Conversation(), peer: peerActions, own: ownActions, isOver: \.isOver)
    }

    /// A machine, and beside it what its events say so far.
    private struct Conversation {
        private enum Phase { case greeting, idle, offered, streaming, ending, proving, concluding, closed }
        private var machine = SenderMachine()
        private var phase = Phase.greeting
        private var sentByteCount: UInt64 = 0
        private var digest = ""
        /// The offer that is open.
        private(set) var offer: Offer?
        private(set) var durable = Progress(watermark: 0, contentByteCount: 0)
        /// The snapshot that is being proven.
        private(set) var proven: SnapshotIdentity?
        /// Questions that are open, oldest first.
        private var questions: [DigestQuery] = []
        /// Whether the transfer's extents are found by comparison.
        private var isComparing = false
        /// Whether the machine refused a record: a connection ends then.
        private(set) var isOver = false

        // What the engine may do, it does.

        mutating func sendOffer(_ offer: Offer) {
            guard phase == .idle || phase == .closed else { return }
            guard !offer.needsVersion2 || machine.agreedVersion ?? 0 >= 2 else { return }
            machine.offer(offer)
            guard phase == .idle else { return }
            self.offer = offer
            phase = .offered
        }

        mutating func sendBlock(byteCount: Int) {
            guard phase == .streaming || phase == .closed else { return }
            machine.block(contentByteCount: byteCount)
            sentByteCount += UInt64(byteCount)
        }

        /// The oldest open question; one that nobody asked when there is none.
        var oldest: (number: UInt64, digestCount: Int) { questions.first.map { ($0.number, $0.digestCount) } ?? (0, 1) }

        mutating func ask(isFolded: Bool) {
            guard phase == .proving || phase == .streaming && isComparing else { return }
            guard questions.count < Limits.digestQueryCountMax else { return }
            let extents = [Extent(offset: 0, byteCount: 3 << 16)]
            questions.append(
                machine.ask(extents, grainByteCount: Limits.digestGrainByteCountMin, isFolded: isFolded))
        }

        mutating func settle() {
            guard phase == .streaming, isComparing else { return }
            machine.settle()
        }

        mutating func conclude() {
            guard phase == .proving, questions.isEmpty else { return }
            machine.conclude()
            phase = .concluding
        }

        mutating func sendTotals(digest: String) {
            guard phase == .streaming && questions.isEmpty || phase == .closed else { return }
            machine.end(Totals(blockCount: 1, recordCount: 1, contentByteCount: sentByteCount, digest: digest))
            self.digest = digest
            if phase == .streaming { phase = .ending }
        }

        mutating func receive(_ record: WireRecord) {
            // What can't be read, and what only senders say, ends the connection before it comes to the machine.
            guard let control = answer({ () throws(ProtocolViolation) in try ControlRecord(record) }) ?? nil else {
                return isOver = true
            }
            receive(control)
        }

        mutating func receive(_ record: ControlRecord) {
            let event = answer { () throws(ProtocolViolation) in try machine.received(record) }
            guard let event else { return isOver = true }
            switch event {
            case .ready: move(from: [.greeting], to: .idle)
            case .send(let base, let watermark, let saved, let mode):
                let isOffered = mode == offer?.mode || mode == offer?.lostBaseMode && base == nil
                require(isOffered, "a mode is one that was offered")
                isComparing = mode == .compare
                begin(base, watermark, saved)
            case .prove(let base, _, let byteCount):
                require(byteCount <= Limits.imageByteCountMax, "a mirror's snapshot keeps the limit")
                let isOffered = base == offer?.target || offer?.snapshots.contains(base) == true
                require(offer?.purpose == .proof && isOffered, "what is proven was offered for it")
                (proven, questions) = (base, [])
                move(from: [.offered], to: .proving)
            case .digests(let digests):
                require(phase == .proving || phase == .streaming && isComparing, "digests answer questions")
                require(digests.number == oldest.number && digests.count == oldest.digestCount, "in their order")
                questions.removeFirst()
            case .alreadyPublished, .refused: move(from: [.offered], to: .idle)
            case .progress(let progress): take(progress)
            case .committed(let committed) where phase == .concluding:
                require(committed.target == proven, "what is stored is what was proven")
                phase = .idle
            case .committed(let committed):
                require(committed.target == offer?.target, "what is committed is what was offered")
                require(committed.digest == digest, "a commit agrees with the totals")
                move(from: [.ending], to: .idle)
            case .fault: phase = .closed
            case .nothing: require(record == .keepAlive, "only a keep-alive means nothing")
            }
        }

        private mutating func move(from phases: [Phase], to next: Phase) {
            require(phases.contains(phase), "events come in their order: \(next) while \(phase)")
            phase = next
        }

        private mutating func begin(_ base: SnapshotIdentity?, _ watermark: UInt64, _ saved: UInt64) {
            if let base, let offer {
                let isOffered = offer.snapshots.contains { $0.id == base.id && $0.name.hasSameBytes(as: base.name) }
                require(isOffered && base.id < offer.target.id, "a base is an offered snapshot before the target")
            }
            require(watermark <= offer?.byteCount ?? 0, "a watermark lies inside the image")
            require(saved <= Limits.imageByteCountMax, "what was saved fits into an image, so that sums can't overflow")
            (sentByteCount, durable) = (0, Progress(watermark: watermark, contentByteCount: 0))
            questions = []
            move(from: [.offered], to: .streaming)
        }

        private mutating func take(_ progress: Progress) {
            require(phase == .streaming || phase == .ending, "progress is told of a transfer")
            require(progress.watermark >= durable.watermark, "the watermark never falls")
            require(progress.contentByteCount >= durable.contentByteCount, "what is durable never falls")
            require(progress.contentByteCount <= sentByteCount, "what is durable was sent")
            require((0...1).contains(progress.starvedShare ?? 0), "a share is one")
            durable = progress
        }
    }
}
