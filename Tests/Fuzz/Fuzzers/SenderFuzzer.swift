import Conversation
import FerryCore

/// The sender's machine, between a peer that says anything and an engine that does what it may: no event comes out of its
/// place, and what a peer says is durable never falls and is never more than was sent.
///
/// Input: actions, one after another: a byte that chooses, and what the action takes of the input itself.
enum SenderFuzzer: Fuzzer {
    static let name = "sender"

    /// What may happen. New actions go to the end of a list, so that the corpus keeps its meaning.
    private static let peerActions: [@Sendable (inout Conversation, inout FuzzInput) -> Void] = [
        { $0.receive(.hello(PeerWords.hello(&$1))) },
        { $0.receive(.answer(PeerWords.answer(&$1))) },
        { $0.receive(.progress(PeerWords.progress(&$1, near: $0.durable))) },
        { $0.receive(.committed(PeerWords.committed(&$1, target: $0.offer?.target))) },
        { $0.receive(.fault(PeerWords.fault(&$1))) },
        { conversation, _ in conversation.receive(.keepAlive) },
        { $0.receive(PeerWords.any(&$1)) },
        { $0.receive(.offer(PeerWords.offer(&$1))) },
        { $0.receive(.totals(PeerWords.totals(&$1))) },
    ]
    private static let ownActions: [@Sendable (inout Conversation, inout FuzzInput) -> Void] = [
        { $0.sendOffer(PeerWords.offer(&$1)) },
        { $0.sendBlock(byteCount: $1.length()) },
        { $0.sendTotals(digest: $1.one(of: PeerWords.digests)) },
    ]

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        // Hello, offer, answer, block, progress, totals, commit; the second half again.
        let transfer: [UInt8] = [
            128, 3, 1, 0, 0, 0, 0, 1, 129, 200, 0, 2, 70, 70, 0, 129, 9, 0, 2, 1, 4, 1, 130, 0, 3, 10, 0,
        ]
        return [[0, 0] + transfer + transfer, [0, 0, 128, 3, 1, 1, 0, 0, 0, 0, 128, 3, 1, 2, 0, 0, 0, 0, 4]]
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        var conversation = Conversation()
        while !input.isEmpty, !conversation.isOver {
            let choice = input.byte()
            let actions = choice < 128 ? peerActions : ownActions
            let index = Int(choice & 31)
            if index < actions.count { actions[index](&conversation, &input) }
        }
    }

    /// A machine, and beside it what its events say so far.
    private struct Conversation {
        private enum Phase { case greeting, idle, offered, streaming, ending, closed }
        private var machine = SenderMachine()
        private var phase = Phase.greeting
        private var sentByteCount: UInt64 = 0
        private var digest = ""
        /// The offer that is open.
        private(set) var offer: Offer?
        private(set) var durable = Progress(watermark: 0, contentByteCount: 0)
        /// Whether the machine refused a record: a connection ends then.
        private(set) var isOver = false

        // What the engine may do, it does.

        mutating func sendOffer(_ offer: Offer) {
            guard phase == .idle || phase == .closed else { return }
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

        mutating func sendTotals(digest: String) {
            guard phase == .streaming || phase == .closed else { return }
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
            case .send(let base, let watermark, let saved): begin(base, watermark, saved)
            case .alreadyPublished, .refused: move(from: [.offered], to: .idle)
            case .progress(let progress): take(progress)
            case .committed(let committed):
                require(committed.target == offer?.target, "what is committed is what was offered")
                require(committed.digest == digest, "a commit agrees with the totals")
                move(from: [.ending], to: .idle)
            case .fault: move(from: [.greeting, .idle, .offered, .streaming, .ending, .closed], to: .closed)
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
