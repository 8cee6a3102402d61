import Synchronization

/// What a transfer has done so far. One writer side, any number of readers; a progress display reads it.
public final class TransferMeter: Sendable {
    /// Counts at one moment, in bytes where not said otherwise.
    public struct Counts: Hashable, Sendable {
        /// What is going on.
        public var phase = TransferPhase.connecting
        /// Size of the image at the target.
        public var imageByteCount: UInt64 = 0
        /// Upper estimate of the changed bytes to read, where the store can tell.
        public var estimatedByteCount: UInt64?
        /// Changed bytes read from the source.
        public var readByteCount: UInt64 = 0
        /// The list of changed extents is known up to here.
        public var scannedOffset: UInt64 = 0
        /// Everything below this offset has been read and sent.
        public var sentOffset: UInt64 = 0
        /// Block content sent, or applied to the mirror's head, before compression.
        public var contentByteCount: UInt64 = 0
        /// Block records sent or taken in, after compression.
        public var sentByteCount: UInt64 = 0
        /// Block content of this connection that is durable on the mirror.
        public var durableContentByteCount: UInt64 = 0
        /// Everything below this offset is durable on the mirror.
        public var watermark: UInt64 = 0
        /// Where this connection's part began.
        public var resumeOffset: UInt64 = 0
        /// Block content that earlier connections had made durable.
        public var savedContentByteCount: UInt64 = 0
        /// Data and zero records sent.
        public var dataRecordCount: UInt64 = 0
        /// Which share of the time, from 0 to 1, the receiver last had nothing left to do but to wait for blocks; nil
        /// until it has told.
        public var receiverStarvedShare: Double?
        /// At a receiver: blocks that its store is at work on.
        public var blocksInStore = 0
        /// Bytes that the limits have let through, read or sent: they move when a single block takes minutes.
        public var pacedByteCount: UInt64 = 0
        /// During a proof: bytes that are to be compared, those of earlier connections included.
        public var toCompareByteCount: UInt64 = 0
        /// During a proof: bytes that were compared, those of earlier connections included.
        public var comparedByteCount: UInt64 = 0
        /// During a proof: bytes of them that differ.
        public var differingByteCount: UInt64 = 0
        /// Units whose memory is taken and that are not sent yet.
        public var unitsHeld = 0
        /// Whether the next unit waits for memory.
        public var isWaitingForMemory = false

        /// Whether it waits for memory that other transfers hold, which are watched themselves.
        public var waitsForOthers: Bool { isWaitingForMemory && unitsHeld == 0 }

        /// How much of the transfer is done, from 0 to 1: by bytes where the total is known, else by place in the
        /// image. A little over 1 where the total was an estimate.
        public var fraction: Double {
            if phase == .publishing || phase == .done { return 1 }
            if phase == .comparing {
                return toCompareByteCount > 0 ? Double(comparedByteCount) / Double(toCompareByteCount) : 1
            }
            if let estimatedByteCount, estimatedByteCount > 0 {
                return Double(readByteCount) / Double(estimatedByteCount)
            }
            return imageByteCount > 0 ? Double(sentOffset) / Double(imageByteCount) : 0
        }
    }
    private let state = Mutex(Counts())
    /// Where the time goes.
    public let clock = StageClock()

    /// A meter at zero.
    public init() {}

    /// The counts now.
    public var counts: Counts { state.withLock { $0 } }

    /// Changes the counts.
    public func update(_ change: (inout Counts) -> Void) {
        state.withLock { change(&$0) }
    }
}

/// What a transfer is doing.
public enum TransferPhase: String, Sendable, Codable {
    /// Opening the image and taking the right to work on it.
    case opening
    /// Waiting until fewer other transfers are under way.
    case waiting
    /// Reaching the peer.
    case connecting
    /// Making a snapshot.
    case snapshotting
    /// Looking at, pinning and opening the source.
    case preparing
    /// Waiting for the receiver's answer.
    case offering
    /// Sending changed extents.
    case sending
    /// Comparing what both ends hold, by digests.
    case comparing
    /// Waiting for the receiver to publish.
    case publishing
    /// Storing the receiver's acknowledgement.
    case acknowledging
    /// Removing snapshots that retention has no use for.
    case pruning
    /// Ended.
    case done
}
