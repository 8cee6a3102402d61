public import FerryCore
public import FoundationEssentials

/// Which of a source's snapshots must stay for the sake of peers, and which peers have been away for too long.
public struct HeldBases: Equatable, Sendable {
    /// A base that is held for a peer that has not been heard of.
    public struct Absence: Equatable, Sendable {
        /// The peer's name.
        public var peer: String
        /// Its base.
        public var base: SnapshotIdentity
        /// Seconds since the peer answered.
        public var seconds: Int64
    }
    /// Ids that stay.
    public var held: Set<UInt64> = []
    /// Peers whose base is still held, and has been for more than half of the limit.
    public var warnings: [Absence] = []
    /// Peers whose base is held no longer.
    public var givenUp: [Absence] = []

    /// Nothing is held.
    public init() {}

    /// Decides for an image with these snapshots; `records` are by peer. A base is held for `secondsMax`.
    public static func decide(
        records: [String: SenderRecord], snapshots: [RetainedSnapshot], secondsMax: Int64, now: Date
    ) -> HeldBases {
        var bases = HeldBases()
        for (peer, record) in records.sorted(by: { $0.key < $1.key }) {
            let present = snapshots.filter { record.uses.contains($0.identity) }
            guard let newest = present.max(by: { $0.identity.id < $1.identity.id }) else { continue }
            let since = record.heardAt ?? newest.time
            let seconds = Int64(min(max(now.timeIntervalSince(since), 0), 1e15))
            let absence = Absence(peer: peer, base: record.acknowledged ?? newest.identity, seconds: seconds)
            guard seconds <= secondsMax else {
                bases.givenUp.append(absence)
                continue
            }
            bases.held.formUnion(present.map(\.identity.id))
            if seconds > secondsMax / 2 { bases.warnings.append(absence) }
        }
        return bases
    }
}

extension SenderRecord {
    /// Snapshots that a transfer to the peer needs.
    fileprivate var uses: Set<SnapshotIdentity> {
        Set([acknowledged, inFlight?.target].compactMap(\.self) + pins)
    }

    /// When the peer answered last, by our clock.
    public var heardAt: Date? {
        heardAtSeconds.map { Date(timeIntervalSince1970: TimeInterval($0)) }
    }
}
