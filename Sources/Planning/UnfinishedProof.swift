public import FerryCore

/// How far a proof has come that was ended before its end. Kept with the source.
public struct UnfinishedProof: Codable, Equatable, Sendable {
    /// The source's snapshot.
    public var snapshot: SnapshotIdentity
    /// The mirror's snapshot.
    public var mirror: SnapshotIdentity
    /// What is compared.
    public var scope: ProofScope
    /// What the random leaves are drawn with.
    public var seed: UInt64
    /// With `changed`: the oldest snapshot since which changes count; nil when there is none.
    public var since: SnapshotIdentity?
    /// Leaves before this one are done.
    public var nextLeaf: UInt64
    /// Bytes compared so far.
    public var comparedByteCount: UInt64
    /// What differs so far.
    public var differing: DifferingExtents
    /// When this was stored, in seconds since 1970.
    public var atSeconds: Int64

    private enum CodingKeys: String, CodingKey {
        case snapshot, mirror, scope, seed, since, differing
        case nextLeaf = "next_leaf"
        case comparedByteCount = "compared_bytes"
        case atSeconds = "at"
    }

    /// Reads a place; numbers that no proof can reach are damage, and would overflow sums.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        snapshot = try container.decode(SnapshotIdentity.self, forKey: .snapshot)
        mirror = try container.decode(SnapshotIdentity.self, forKey: .mirror)
        scope = try container.decode(ProofScope.self, forKey: .scope)
        seed = try container.decode(UInt64.self, forKey: .seed)
        since = try container.decodeIfPresent(SnapshotIdentity.self, forKey: .since)
        differing = try container.decode(DifferingExtents.self, forKey: .differing)
        nextLeaf = try container.decode(UInt64.self, forKey: .nextLeaf)
        comparedByteCount = try container.decode(UInt64.self, forKey: .comparedByteCount)
        atSeconds = try container.decode(Int64.self, forKey: .atSeconds)
        guard comparedByteCount <= Limits.imageByteCountMax, nextLeaf <= Limits.imageByteCountMax else {
            throw DecodingError.dataCorruptedError(forKey: .nextLeaf, in: container, debugDescription: "out of range")
        }
    }

    /// A proof that is at its beginning.
    public init(
        snapshot: SnapshotIdentity, mirror: SnapshotIdentity, scope: ProofScope, seed: UInt64, since: SnapshotIdentity?,
        atSeconds: Int64
    ) {
        self.snapshot = snapshot
        self.mirror = mirror
        self.scope = scope
        self.seed = seed
        self.since = since
        self.atSeconds = atSeconds
        (nextLeaf, comparedByteCount, differing) = (0, 0, DifferingExtents())
    }

    /// Whether a proof of these snapshots goes on here rather than beginning anew.
    public func isSame(
        snapshot: SnapshotIdentity, mirror: SnapshotIdentity, scope: ProofScope, since: SnapshotIdentity?
    ) -> Bool {
        // Ids decide: a snapshot that got another name is the same.
        self.snapshot.id == snapshot.id && self.mirror.id == mirror.id && self.scope == scope
            && self.since?.id == since?.id
    }
}
