public import FerryCore

/// What a receiver keeps with a mirror image about where it comes from and what it holds. Stored as JSON.
public struct MirrorRecord: Codable, Equatable, Sendable {
    /// The image that this one mirrors.
    public var source: ImageIdentity
    /// The source's name when the mirror was made; for people.
    public var sourceName: String
    /// Snapshots published here, oldest first.
    public var published: [PublishedSnapshot]
    /// Ids of all of the mirror's snapshots that were published here and are still there, also of those whose pairs are
    /// not kept any more; nil in records of earlier releases.
    public var ownIDs: [UInt64]?
    /// Whether the image was made, and filled, by others before it became the mirror; nil: no.
    public var isSeeded: Bool?
    /// The id of the mirror's snapshot that the last repair made; nil: none did. What was published before it may be as
    /// wrong as what it mended, and is no base any more.
    public var repairedID: UInt64?

    private enum CodingKeys: String, CodingKey {
        case source, published
        case sourceName = "source_name"
        case ownIDs = "own_ids"
        case isSeeded = "seeded"
        case repairedID = "repaired_id"
    }

    /// A record of a mirror without snapshots.
    public init(
        source: ImageIdentity, sourceName: String, published: [PublishedSnapshot] = [], isSeeded: Bool? = nil
    ) {
        self.source = source
        self.sourceName = sourceName
        self.published = published
        self.isSeeded = isSeeded
    }

    /// The pair of a snapshot of the source; the last one counts: a repair publishes it anew.
    public func pair(ofSource id: UInt64) -> PublishedSnapshot? {
        published.last { $0.source.id == id }
    }
}

/// A snapshot of the source and the mirror's snapshot that equals it.
public struct PublishedSnapshot: Codable, Equatable, Sendable {
    /// The source's snapshot.
    public var source: SnapshotIdentity
    /// The mirror's snapshot.
    public var mirror: SnapshotIdentity

    /// A published pair.
    public init(source: SnapshotIdentity, mirror: SnapshotIdentity) {
        self.source = source
        self.mirror = mirror
    }
}

/// How far a transfer has come. Stored as JSON with the mirror image before the first write of a transfer.
public struct Checkpoint: Codable, Equatable, Sendable {
    /// What the mirror's head is going through.
    public enum Phase: String, Codable, Sendable {
        /// The head is being made equal to the base; nothing of the delta is in it.
        case preparing
        /// The delta is being applied.
        case applying
        /// The delta is applied and checked; the snapshot is being made.
        case publishing
    }

    /// The transfer whose part the head holds.
    public var transfer: TransferIdentity
    /// What is durable of it.
    public var resumePoint: ResumePoint
    /// What the head is going through.
    public var phase: Phase
    /// While publishing: the highest id that a snapshot of the mirror had before. Ours has a higher one.
    public var snapshotIDMax: UInt64?
    /// While publishing: the size that ours has, in bytes; nil in checkpoints of earlier releases.
    public var snapshotByteCount: UInt64?
    /// While publishing: what our snapshot is called at the mirror; nil: like the target.
    public var mirrorName: String?

    private enum CodingKeys: String, CodingKey {
        case transfer, phase
        case resumePoint = "durable"
        case snapshotIDMax = "snapshot_id_max"
        case snapshotByteCount = "snapshot_size_bytes"
        case mirrorName = "mirror_name"
    }

    /// A checkpoint from its parts.
    public init(
        transfer: TransferIdentity, resumePoint: ResumePoint, phase: Phase, snapshotIDMax: UInt64? = nil,
        snapshotByteCount: UInt64? = nil, mirrorName: String? = nil
    ) {
        self.transfer = transfer
        self.resumePoint = resumePoint
        self.phase = phase
        self.snapshotIDMax = snapshotIDMax
        self.snapshotByteCount = snapshotByteCount
        self.mirrorName = mirrorName
    }
}

/// Where a transfer goes on.
public struct ResumePoint: Codable, Equatable, Sendable {
    /// Every byte of the delta below this offset is durable.
    public var watermark: UInt64
    /// Block content that brought it there, on all connections together, in bytes: what going on here saves.
    public var contentByteCount: UInt64

    private enum CodingKeys: String, CodingKey {
        case watermark
        case contentByteCount = "content_bytes"
    }

    /// Reads a point; numbers that no transfer can reach are damage, and would overflow sums.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        watermark = try container.decode(UInt64.self, forKey: .watermark)
        contentByteCount = try container.decode(UInt64.self, forKey: .contentByteCount)
        guard watermark <= Limits.imageByteCountMax, contentByteCount <= UInt64.max / 2 else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "out of range"))
        }
    }

    /// A point from its parts.
    public init(watermark: UInt64, contentByteCount: UInt64) {
        self.watermark = watermark
        self.contentByteCount = contentByteCount
    }

    /// Nothing is durable.
    public static let start = ResumePoint(watermark: 0, contentByteCount: 0)
}

/// A mirror image as it is found, before anything is decided.
public struct MirrorState: Equatable, Sendable {
    /// Our record on it; nil when it was not made by us.
    public var record: MirrorRecord?
    /// The transfer that its head holds a part of; nil when there is none.
    public var checkpoint: Checkpoint?
    /// The snapshots that are there, whoever made them.
    public var snapshots: [SnapshotIdentity]

    /// A state from its parts.
    public init(record: MirrorRecord?, checkpoint: Checkpoint?, snapshots: [SnapshotIdentity]) {
        self.record = record
        self.checkpoint = checkpoint
        self.snapshots = snapshots
    }
}
