#if DEBUG
import FoundationEssentials
import Glibc
import Planning
import Synchronization

/// A step of a transfer after which something is stored, told, or held; a debug build can be made to die there.
///
/// All of them are seen in the calls that pass a store, so the engine knows nothing of them.
public enum KillPoint: String, CaseIterable, Sendable {
    /// The source image is leased.
    case senderLeased = "sender.leased"
    /// The snapshot to send is made.
    case senderSnapshotMade = "sender.snapshot-made"
    /// What is in flight, and what will be pinned, is stored.
    case senderStateWritten = "sender.state-written"
    /// A snapshot is pinned.
    case senderPinned = "sender.pinned"
    /// A block's bytes are read, and those of earlier ones may be on their way.
    case senderBlockRead = "sender.block-read"
    /// Base and target were looked up again after the last read; totals are next.
    case senderRechecked = "sender.rechecked"
    /// The receiver has said that the snapshot is published.
    case senderCommittedCame = "sender.committed-came"
    /// The acknowledgement is stored; the pins are still there.
    case senderAcknowledgementStored = "sender.acknowledgement-stored"
    /// A pin is taken away.
    case senderUnpinned = "sender.unpinned"
    /// That there are no pins any more is stored.
    case senderUnpinningStored = "sender.unpinning-stored"
    /// An old snapshot is removed.
    case senderPruned = "sender.pruned"
    /// What a proof showed, or how far it came, is stored with the source.
    case senderProofStored = "sender.proof-stored"

    /// The mirror is created.
    case receiverImageCreated = "receiver.image-created"
    /// The mirror is locked.
    case receiverLocked = "receiver.locked"
    /// The record that makes the mirror ours is written.
    case receiverRecordWritten = "receiver.record-written"
    /// The checkpoint says that the head must be prepared.
    case receiverHeadDistrusted = "receiver.head-distrusted"
    /// The head, which held part of another transfer, is rolled back.
    case receiverRolledBack = "receiver.rolled-back"
    /// The head, which held part of another first copy, is all zeros.
    case receiverWiped = "receiver.wiped"
    /// The checkpoint that explains the coming writes is stored.
    case receiverTransferBegun = "receiver.transfer-begun"
    /// The head has the target's size.
    case receiverHeadResized = "receiver.head-resized"
    /// A block's writes are done and not flushed.
    case receiverApplied = "receiver.applied"
    /// What was applied is flushed, and no checkpoint knows of it.
    case receiverFlushed = "receiver.flushed"
    /// A checkpoint in the middle of the transfer is stored.
    case receiverCheckpointStored = "receiver.checkpoint-stored"
    /// The checkpoint says that the snapshot is being made.
    case receiverPublishingStored = "receiver.publishing-stored"
    /// The snapshot is made, and no record knows of it.
    case receiverSnapshotMade = "receiver.snapshot-made"
    /// The record knows the snapshot, and the checkpoint is still there.
    case receiverPublicationRecorded = "receiver.publication-recorded"
    /// The checkpoint is removed, and the sender has not heard.
    case receiverCheckpointRemoved = "receiver.checkpoint-removed"
    /// The commit is sent.
    case receiverCommitSent = "receiver.commit-sent"
    /// An old snapshot is removed.
    case receiverPruned = "receiver.pruned"
    /// What a proof showed is stored with the mirror, and the sender has not heard.
    case receiverProofStored = "receiver.proof-stored"
}

extension KillPoint {
    /// The environment variable that names the point to die at: `POINT`, or `POINT:N` for the Nth time it is reached.
    public static let variable = "RBD_FERRY_KILL_AT"

    /// The point to die at, and how often it still has to be reached.
    struct Sentence: Sendable, Equatable {
        let point: KillPoint
        let occurrence: Int

        /// Reads a variable's text; nil when it names no point.
        init?(_ text: String) {
            let parts = text.split(separator: ":", maxSplits: 1)
            guard let name = parts.first, let point = KillPoint(rawValue: String(name)) else { return nil }
            guard let occurrence = parts.count == 2 ? Int(parts[1]) : 1, occurrence > 0 else { return nil }
            self.point = point
            self.occurrence = occurrence
        }
    }

    /// What the environment asks for; nil when it asks for nothing.
    static let sentence: Sentence? = {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
        guard let sentence = Sentence(text) else {
            preconditionFailure("no kill point \(text), there are: \(allCases.map(\.rawValue).joined(separator: " "))")
        }
        return sentence
    }()
    private static let visitCount = Atomic<Int>(0)

    /// Kills this process as a power cut would, when the environment asks for it.
    ///
    /// Implements: int kill(pid_t pid, int sig);
    func reach() {
        guard let sentence = Self.sentence, sentence.point == self else { return }
        let count = Self.visitCount.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
        if count == sentence.occurrence { kill(getpid(), SIGKILL) }
    }
}

extension KillPoint {
    /// The point that comes after a value is stored with an image; nil when there is none.
    init?(storing value: String, under key: String) {
        func decoded<State: Decodable>(_ type: State.Type) -> State? {
            try? JSONDecoder().decode(type, from: Data(value.utf8))
        }
        if ImageStateKey.peerName(of: key) != nil, let record = decoded(SenderRecord.self) {
            self =
                record.inFlight != nil
                ? .senderStateWritten
                : record.pins.isEmpty ? .senderUnpinningStored : .senderAcknowledgementStored
        } else if key == ImageStateKey.proof {
            self = .receiverProofStored
        } else if ImageStateKey.isProofOfPeer(key) {
            self = .senderProofStored
        } else if key == ImageStateKey.mirror, let record = decoded(MirrorRecord.self) {
            self = record.published.isEmpty ? .receiverRecordWritten : .receiverPublicationRecorded
        } else if key == ImageStateKey.checkpoint, let checkpoint = decoded(Checkpoint.self) {
            switch checkpoint.phase {
            case .preparing: self = .receiverHeadDistrusted
            case .applying: self = checkpoint.resumePoint == .start ? .receiverTransferBegun : .receiverCheckpointStored
            case .publishing: self = .receiverPublishingStored
            }
        } else {
            return nil
        }
    }
}
#endif
