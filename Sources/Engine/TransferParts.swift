import Conversation
import FerryCore
import Synchronization

/// What comes of a delta over a connection, as its receiver takes it: blocks, and that a comparison has got on. What does not
/// bring the transfer on is waited through: questions alone could go on for ever.
final class TransferParts: Sendable {
    private let session: ReceiverSession
    private let answers: DigestAnswers
    private let meter: TransferMeter
    private let settledOffset: Mutex<UInt64>
    private let totals = Mutex<Totals?>(nil)

    /// The parts of a transfer that goes on at `watermark`; `answers` gets the questions between them.
    init(over session: ReceiverSession, from watermark: UInt64, answers: DigestAnswers, meter: TransferMeter) {
        self.session = session
        self.answers = answers
        self.meter = meter
        settledOffset = Mutex(watermark)
    }

    /// What the sender says that it sent; nil until all parts have come.
    var peerTotals: Totals? { totals.withLock { $0 } }

    /// The next part; nil once all have come.
    func next() async throws -> DeltaReceiver.Part? {
        while true {
            switch try await meter.clock.time(.receive, { try await session.nextEvent() }) {
            case .block(let payload)?:
                meter.update { $0.sentByteCount += UInt64(payload.byteCount) }
                return .block(payload)
            case .settled(let offset)?:
                if isProgress(offset) { return .settled(offset) }
            case .asked(let query)?: answers.take(query)
            case .ended(let totals)?:
                self.totals.withLock { $0 = totals }
                return nil
            case let event: try session.throwEnd(event)
            }
        }
    }

    private func isProgress(_ offset: UInt64) -> Bool {
        settledOffset.withLock { last in
            defer { last = max(last, offset) }
            return offset > last
        }
    }
}
