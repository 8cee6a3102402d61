public import FerryCore
public import FoundationEssentials

/// Which of a source's snapshots must stay for the sake of peers, and which peers have been away for too long.
public struct HeldBases: Equatable, Sendable {
    /// A base that is held in vain.
    public struct Absence: Equatable, Sendable {
        /// The peer's name.
        public var peer: String
        /// Its base.
        public var base: SnapshotIdentity
        /// Seconds from the first run to the peer that failed to the last; of a peer that none goes to any more, since it
        /// answered.
        public var seconds: Int64
    }
    /// Ids that stay.
    public var held: Set<UInt64> = []
    /// Peers whose base is still held, and has been in vain for more than half of the limit.
    public var warnings: [Absence] = []
    /// Peers whose base is held no longer.
    public var givenUp: [Absence] = []

    /// Nothing is held.
    public init() {}

    /// Decides for an image with these snapshots that is sent to `peers`; `records` are by peer. A base is held in vain for
    /// `secondsMax`, and for as long as no run to its peer has failed: one that is seldom due, or an agent that was off,
    /// says nothing about the peer.
    public static func decide(
        records: [String: SenderRecord], peers: Set<String>, snapshots: [RetainedSnapshot], secondsMax: Int64, now: Date
    ) -> HeldBases {
        var bases = HeldBases()
        for (peer, record) in records.sorted(by: { $0.key < $1.key }) {
            let present = snapshots.filter { record.uses.contains($0.identity) }
            guard let newest = present.max(by: { $0.identity.id < $1.identity.id }) else { continue }
            let seconds =
                peers.contains(peer)
                ? record.failedSeconds : Self.seconds(from: record.heardAt ?? newest.time, to: now)
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

    fileprivate static func seconds(from start: Date, to end: Date) -> Int64 {
        Int64(min(max(end.timeIntervalSince(start), 0), 1e15))
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

    /// Since when runs to the peer fail; nil while none has. A transfer that the peer agreed to, though it was cut, makes
    /// it later.
    public var failingSince: Date? {
        failedSinceSeconds.map { Date(timeIntervalSince1970: TimeInterval(max($0, heardAtSeconds ?? .min))) }
    }

    /// Seconds from the first run that failed to the last. Time in which nobody tried does not count before one has failed
    /// after it.
    fileprivate var failedSeconds: Int64 {
        guard let since = failingSince, let last = lastFailedSeconds else { return 0 }
        return HeldBases.seconds(from: since, to: Date(timeIntervalSince1970: TimeInterval(last)))
    }

    /// Seconds between two failures that are stored.
    private static let failureIntervalSeconds: Int64 = 3600

    /// Notes that a run to the peer failed. True when that is news, to be stored: the first counts, unless a clock that was
    /// wrong put it in the future, and later ones from hour to hour; only if something is held for the peer.
    public mutating func noteFailure(now: Date) -> Bool {
        let seconds = Int64(now.timeIntervalSince1970)
        guard !uses.isEmpty else { return false }
        let isFirst = failedSinceSeconds.map { $0 > seconds } ?? true
        let isRecent = lastFailedSeconds.map { $0 <= seconds && $0 > seconds - Self.failureIntervalSeconds } ?? false
        guard isFirst || !isRecent else { return false }
        if isFirst { failedSinceSeconds = seconds }
        lastFailedSeconds = seconds
        return true
    }

    /// Notes that the peer has what it is to have. True when that is news, to be stored.
    @discardableResult
    public mutating func noteSuccess() -> Bool {
        defer { (failedSinceSeconds, lastFailedSeconds) = (nil, nil) }
        return failedSinceSeconds != nil
    }
}
