public import FerryCore
public import Pipeline
public import Planning

/// What a proof needs to know.
public struct ProofSettings: Sendable {
    /// The peer's name in our configuration; state about proofs is kept under it.
    public var peer: String
    /// The snapshot to compare; nil: the newest that both ends hold, or the one that an unfinished proof is about.
    public var snapshot: String?
    /// How much of it is compared.
    public var scope: ProofScope
    /// The proof ends about then, at the end of a question, and can go on later; nil: at its end.
    public var timeMax: Duration?
    /// Whether what differs is sent as a new snapshot, and that one proven.
    public var repairs: Bool
    /// Whether an unfinished proof is dropped.
    public var startsAnew: Bool
    /// The most block content of a repair, in bytes, that may have to be sent again after a cut.
    public var checkpointByteCount: UInt64
    /// How hard a repair's blocks are compressed.
    public var compression: CompressionPolicy
    /// How fast the source is read, and a repair's blocks are sent.
    public var pacing: Pacing
    /// How often it is stored how far the proof has come.
    public var storingInterval: Duration
    /// What random leaves are drawn with; nil: something new each time.
    public var seed: UInt64?

    /// Settings; by default everything of the newest snapshot is compared, without limits, and nothing is repaired.
    public init(
        peer: String, snapshot: String? = nil, scope: ProofScope = .full, timeMax: Duration? = nil,
        repairs: Bool = false,
        startsAnew: Bool = false, checkpointByteCount: UInt64 = 64 << 20, compression: CompressionPolicy = .adaptive,
        pacing: Pacing = Pacing(), storingInterval: Duration = .seconds(60), seed: UInt64? = nil
    ) {
        self.peer = peer
        self.snapshot = snapshot
        self.scope = scope
        self.timeMax = timeMax
        self.repairs = repairs
        self.startsAnew = startsAnew
        self.checkpointByteCount = checkpointByteCount
        self.compression = compression
        self.pacing = pacing
        self.storingInterval = storingInterval
        self.seed = seed
    }
}

/// What a proof showed.
public struct ProofReport: Sendable {
    /// The source's snapshot.
    public var snapshot: SnapshotIdentity
    /// The mirror's snapshot that it was compared with.
    public var mirror: SnapshotIdentity
    /// How much was to be compared.
    public var scope: ProofScope
    /// With `changed`: what changed since this snapshot was compared; nil: the source has no older one, and only the random
    /// sample was.
    public var changedSince: SnapshotIdentity?
    /// Size of the snapshot, in bytes; of the larger one where they differ.
    public var imageByteCount: UInt64
    /// Bytes to be compared.
    public var selectedByteCount: UInt64
    /// Bytes compared, those of earlier runs that this one went on from included.
    public var comparedByteCount: UInt64
    /// Bytes that earlier runs had compared.
    public var resumedByteCount: UInt64
    /// Whether all that was to be compared was.
    public var isComplete: Bool
    /// Where both differ: the first `Limits.differingExtentCountMax` stretches, in whole grains of
    /// `Limits.digestGrainByteCountMin`. After a repair: where they did.
    public var differing: [Extent]
    /// Bytes that differ, of those too that are not listed.
    public var differingByteCount: UInt64
    /// The mirror's new snapshot, in which what had differed was sent and proven; nil: nothing was repaired.
    public var repaired: SnapshotIdentity?
    /// Block content that a repair sent, in bytes, before compression.
    public var sentByteCount: UInt64
    /// Whether a difference that this or an earlier proof found is not over.
    public var isAlarmed: Bool
    /// How long it took.
    public var duration: Duration
}
