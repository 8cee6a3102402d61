public import FerryCore

/// Who speaks.
public struct Hello: Codable, Equatable, Sendable {
    /// Highest protocol version spoken.
    public var protocolVersion: Int
    /// Lowest protocol version spoken.
    public var protocolVersionMin: Int
    /// The agent's release, for logs.
    public var agentVersion: String
    /// The site's name, for logs.
    public var site: String
    /// Optional parts of the protocol that the speaker knows.
    public var capabilities: [String]

    private enum CodingKeys: String, CodingKey {
        case protocolVersion = "protocol"
        case protocolVersionMin = "protocol_min"
        case agentVersion = "agent_version"
        case site
        case capabilities
    }

    /// Protocol versions that this code speaks.
    public static let supportedVersions = 1...2

    /// Protocol versions spoken, of a greeting of our own.
    public var versions: ClosedRange<Int> { protocolVersionMin...max(protocolVersion, protocolVersionMin) }

    /// This agent's greeting.
    public init(agentVersion: String, site: String, versions: ClosedRange<Int> = Hello.supportedVersions) {
        protocolVersion = versions.upperBound
        protocolVersionMin = versions.lowerBound
        self.agentVersion = agentVersion
        self.site = site
        capabilities = []
    }
}

/// How an image is laid out in objects, as the sender's store has it.
public struct OfferedLayout: Codable, Equatable, Sendable {
    /// log2 of the object size in bytes.
    public var objectOrder: UInt8
    /// Stripe unit in bytes.
    public var stripeUnitByteCount: UInt64
    /// Objects in a stripe.
    public var stripeCount: UInt64

    private enum CodingKeys: String, CodingKey {
        case objectOrder = "object_order"
        case stripeUnitByteCount = "stripe_unit_bytes"
        case stripeCount = "stripe_count"
    }

    /// A layout from its parts.
    public init(objectOrder: UInt8, stripeUnitByteCount: UInt64, stripeCount: UInt64) {
        self.objectOrder = objectOrder
        self.stripeUnitByteCount = stripeUnitByteCount
        self.stripeCount = stripeCount
    }
}

/// What an offer is for.
public enum OfferPurpose: String, Codable, Sendable {
    /// Bring the target to the mirror.
    case transfer
    /// Compare the mirror's copy of the target, or of the newest other snapshot offered, with the source's.
    case proof
    /// Make the mirror's newest published snapshot, the target, anew from what differs; the old one stays.
    case repair
}

/// The sender's image, its snapshots, and the transfer that it wants.
public struct Offer: Codable, Equatable, Sendable {
    /// The image's name at the sender.
    public var image: String
    /// Which image it is.
    public var source: ImageIdentity
    /// Size of the target snapshot, in bytes.
    public var byteCount: UInt64
    /// How the image is laid out.
    public var layout: OfferedLayout
    /// Snapshots that could be a base, newest first; at most `Limits.offeredSnapshotCountMax`.
    public var snapshots: [SnapshotIdentity]
    /// The snapshot wanted on the mirror.
    public var target: SnapshotIdentity
    /// How the extents will be found.
    public var mode: DiffMode
    /// The most content that the sender lets go undurable, in bytes; the receiver makes durable well before.
    public var checkpointByteCount: UInt64
    /// What the offer is for; nil: a transfer. Protocol 2.
    public var purpose: OfferPurpose?
    /// How the mirror is made equal when no snapshot is on both ends, `compare` or `full`; nil: it is refused then.
    /// Protocol 2.
    public var lostBaseMode: DiffMode?

    private enum CodingKeys: String, CodingKey {
        case image, source, layout, snapshots, target, mode
        case byteCount = "size_bytes"
        case checkpointByteCount = "checkpoint_bytes"
        case purpose
        case lostBaseMode = "lost_base"
    }

    /// An offer from its parts.
    public init(
        image: String, source: ImageIdentity, byteCount: UInt64, layout: OfferedLayout,
        snapshots: [SnapshotIdentity], target: SnapshotIdentity, mode: DiffMode, checkpointByteCount: UInt64,
        purpose: OfferPurpose? = nil, lostBaseMode: DiffMode? = nil
    ) {
        self.image = image
        self.source = source
        self.byteCount = byteCount
        self.layout = layout
        self.snapshots = snapshots
        self.target = target
        self.mode = mode
        self.checkpointByteCount = checkpointByteCount
        self.purpose = purpose
        self.lostBaseMode = lostBaseMode
    }
}

/// What the receiver wants done about an offer.
public struct Answer: Codable, Equatable, Sendable {
    /// The kinds of answer.
    public enum Kind: String, Codable, Sendable {
        /// Send the delta from `base`, from `watermark` on.
        case send
        /// The mirror holds the target already.
        case published
        /// Ask for digests of the mirror's copy of `base`. Protocol 2.
        case prove
        /// No; `fault` says why.
        case refused
    }

    /// Which kind.
    public var kind: Kind
    /// With `send`: the snapshot to start from; none for a full copy. With `prove`: the snapshot that both ends hold.
    public var base: SnapshotIdentity?
    /// With `send`: everything of this delta below this offset is durable already. 0 for a fresh transfer.
    public var watermark: UInt64
    /// With `send`: block content of this transfer that earlier connections made durable, in bytes.
    public var savedContentByteCount: UInt64
    /// With `refused`: why.
    public var fault: PeerFault?
    /// With `send`: how the extents are to be found where that is not as offered; nil: as offered.
    public var mode: DiffMode?
    /// With `prove`: the mirror's snapshot that is the copy.
    public var mirror: SnapshotIdentity?
    /// With `prove`: its size, in bytes.
    public var mirrorByteCount: UInt64?

    private enum CodingKeys: String, CodingKey {
        case kind, base, watermark, fault, mode, mirror
        case mirrorByteCount = "mirror_size_bytes"
        case savedContentByteCount = "saved_content_bytes"
    }

    /// Asks for the delta from `base`, from `watermark` on.
    public static func send(
        base: SnapshotIdentity?, watermark: UInt64, savedContentByteCount: UInt64 = 0, mode: DiffMode? = nil
    ) -> Answer {
        Answer(
            kind: .send, base: base, watermark: watermark, savedContentByteCount: savedContentByteCount, mode: mode)
    }

    /// Says that the mirror's snapshot `mirror` of this size, which is published as `base`, may be asked about.
    public static func prove(base: SnapshotIdentity, mirror: SnapshotIdentity, byteCount: UInt64) -> Answer {
        Answer(
            kind: .prove, base: base, watermark: 0, savedContentByteCount: 0, mirror: mirror,
            mirrorByteCount: byteCount)
    }

    /// Says that there is nothing to do.
    public static let published = Answer(kind: .published, watermark: 0, savedContentByteCount: 0)

    /// Says no.
    public static func refused(_ fault: PeerFault) -> Answer {
        Answer(kind: .refused, watermark: 0, savedContentByteCount: 0, fault: fault)
    }
}

/// How much of this connection's part of the delta is durable.
public struct Progress: Codable, Equatable, Sendable {
    /// Every byte of the delta below this offset is durable on the mirror.
    public var watermark: UInt64
    /// Block content of this transfer on this connection that is durable, in bytes.
    public var contentByteCount: UInt64
    /// Which share of the time since the last report, from 0 to 1, the receiver had nothing left to do but to wait
    /// for blocks; nil from one that does not tell.
    public var starvedShare: Double?

    private enum CodingKeys: String, CodingKey {
        case watermark
        case contentByteCount = "content_bytes"
        case starvedShare = "starved"
    }

    /// A progress report.
    public init(watermark: UInt64, contentByteCount: UInt64, starvedShare: Double? = nil) {
        self.watermark = watermark
        self.contentByteCount = contentByteCount
        self.starvedShare = starvedShare
    }
}

/// What was sent of a transfer on this connection; both sides count and must agree.
public struct Totals: Codable, Equatable, Sendable {
    /// Blocks sent.
    public var blockCount: UInt64
    /// Standard records in them, the end record included.
    public var recordCount: UInt64
    /// Bytes of block content.
    public var contentByteCount: UInt64
    /// SHA-256 over the blocks' digests in order, in hexadecimal.
    public var digest: String

    private enum CodingKeys: String, CodingKey {
        case blockCount = "blocks"
        case recordCount = "records"
        case contentByteCount = "content_bytes"
        case digest
    }

    /// Totals from their parts.
    public init(blockCount: UInt64, recordCount: UInt64, contentByteCount: UInt64, digest: String) {
        self.blockCount = blockCount
        self.recordCount = recordCount
        self.contentByteCount = contentByteCount
        self.digest = digest
    }
}

/// The mirror holds the target snapshot, complete and checked.
public struct Committed: Codable, Equatable, Sendable {
    /// The source's target snapshot.
    public var target: SnapshotIdentity
    /// The digest of the totals that were agreed.
    public var digest: String
    /// How long the receiver's stages took on this connection; nil from one that does not tell.
    public var stages: StageTimes?

    /// A commit record.
    public init(target: SnapshotIdentity, digest: String, stages: StageTimes? = nil) {
        self.target = target
        self.digest = digest
        self.stages = stages
    }
}
