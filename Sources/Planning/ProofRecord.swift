public import FerryCore

/// What a proof showed.
public struct ProofSummary: Codable, Equatable, Sendable {
    /// The source's snapshot.
    public var snapshot: SnapshotIdentity
    /// The mirror's snapshot that was published as it.
    public var mirror: SnapshotIdentity
    /// When the proof ended, by the clock of the side that keeps this, in seconds since 1970.
    public var atSeconds: Int64
    /// What was to be compared: `full`, `changed`, `slice 3/7`, `5 percent`.
    public var scope: String
    /// Size of the snapshot, in bytes.
    public var imageByteCount: UInt64
    /// Bytes that were compared.
    public var comparedByteCount: UInt64
    /// Bytes that differ.
    public var differingByteCount: UInt64

    private enum CodingKeys: String, CodingKey {
        case snapshot, mirror, scope
        case atSeconds = "at"
        case imageByteCount = "size_bytes"
        case comparedByteCount = "compared_bytes"
        case differingByteCount = "differing_bytes"
    }

    /// A summary from its parts.
    public init(
        snapshot: SnapshotIdentity, mirror: SnapshotIdentity, atSeconds: Int64, scope: String, imageByteCount: UInt64,
        comparedByteCount: UInt64, differingByteCount: UInt64
    ) {
        self.snapshot = snapshot
        self.mirror = mirror
        self.atSeconds = atSeconds
        self.scope = scope
        self.imageByteCount = imageByteCount
        self.comparedByteCount = comparedByteCount
        self.differingByteCount = differingByteCount
    }

    /// Whether every byte was compared.
    public var isWhole: Bool { comparedByteCount == imageByteCount }
}

/// A difference that was found, until it is repaired and proven to be, or the operator says that it is over.
public struct ProofAlarm: Codable, Equatable, Sendable {
    /// When the first of it was found, in seconds since 1970.
    public var sinceSeconds: Int64
    /// The source's snapshot that the last difference was found in.
    public var snapshot: SnapshotIdentity
    /// The mirror's snapshot.
    public var mirror: SnapshotIdentity
    /// Where it differs.
    public var extents: DifferingExtents

    private enum CodingKeys: String, CodingKey {
        case snapshot, mirror
        case sinceSeconds = "since"
        case extents = "differing"
    }

    /// An alarm from its parts.
    public init(sinceSeconds: Int64, snapshot: SnapshotIdentity, mirror: SnapshotIdentity, extents: DifferingExtents) {
        self.sinceSeconds = sinceSeconds
        self.snapshot = snapshot
        self.mirror = mirror
        self.extents = extents
    }

    /// Bytes that differ.
    public var differingByteCount: UInt64 { extents.byteCount }
    /// Where they are; the first `Limits.differingExtentCountMax` stretches.
    public var differing: [Extent] { extents.extents }
}

/// What is kept about proofs: with a mirror, and with a source for each peer. Stored as JSON.
public struct ProofRecord: Codable, Equatable, Sendable {
    /// For how long a snapshot is held back from retention for a proof that can go on with it, in seconds.
    public static let heldSecondsMax: Int64 = 7 * 86_400

    /// The last proof.
    public var last: ProofSummary?
    /// The last one that compared every byte.
    public var lastFull: ProofSummary?
    /// The difference that was found and is not over.
    public var alarm: ProofAlarm?
    /// With a source: the proof that can go on.
    public var unfinished: UnfinishedProof?
    /// With a mirror: the last proof of everything that did not come to its end.
    public var partOfFull: ProofSummary?

    private enum CodingKeys: String, CodingKey {
        case last, alarm, unfinished
        case lastFull = "last_full"
        case partOfFull = "part_of_full"
    }

    /// Nothing was proven yet.
    public init() {}

    /// Takes in what a proof showed. A difference raises the alarm; `endsAlarm` ends it unless something differs.
    /// A proof without any comparison is none.
    public mutating func note(_ summary: ProofSummary, _ differing: DifferingExtents, endsAlarm: Bool) {
        if summary.comparedByteCount > 0 || summary.imageByteCount == 0 {
            last = summary
            if summary.isWhole { lastFull = summary }
            // A proof of something else in between does not end it.
            if summary.scope == ProofScope.full.description { partOfFull = summary.isWhole ? nil : summary }
        }
        if !differing.isEmpty {
            raise(differing, snapshot: summary.snapshot, mirror: summary.mirror, atSeconds: summary.atSeconds)
        } else if endsAlarm {
            alarm = nil
        }
    }

    /// Raises the alarm, or adds to it: it keeps the time of the first difference.
    public mutating func raise(
        _ differing: DifferingExtents, snapshot: SnapshotIdentity, mirror: SnapshotIdentity, atSeconds: Int64
    ) {
        let all = alarm?.extents.union(differing) ?? differing
        alarm = ProofAlarm(
            sinceSeconds: min(alarm?.sinceSeconds ?? atSeconds, atSeconds), snapshot: snapshot, mirror: mirror,
            extents: all)
    }

    /// Whether a proof of these snapshots without any difference would end the alarm: the same snapshot was repaired
    /// since. It must have compared all that the alarm is about.
    public func endsAlarm(provenAs snapshot: SnapshotIdentity, mirror: SnapshotIdentity) -> Bool {
        guard let alarm else { return false }
        return alarm.snapshot.id == snapshot.id && alarm.mirror.id != mirror.id
    }

    /// With a source: the snapshot that a proof which can go on needs, at the time `nowSeconds`.
    public func heldSnapshot(nowSeconds: Int64) -> SnapshotIdentity? {
        unfinished.flatMap { Self.isRecent($0.atSeconds, nowSeconds) ? $0.snapshot : nil }
    }

    /// With a mirror: the snapshot that a proof of everything has not come to the end of.
    public func heldMirror(nowSeconds: Int64) -> SnapshotIdentity? {
        partOfFull.flatMap { Self.isRecent($0.atSeconds, nowSeconds) ? $0.mirror : nil }
    }

    private static func isRecent(_ seconds: Int64, _ nowSeconds: Int64) -> Bool {
        let (age, overflows) = nowSeconds.subtractingReportingOverflow(seconds)
        return !overflows && age <= heldSecondsMax
    }
}
