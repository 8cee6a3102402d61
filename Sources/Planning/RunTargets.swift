public import FerryCore
public import FoundationEssentials

/// A snapshot that a run sends.
public struct RunTarget: Hashable, Sendable {
    /// Which.
    public var identity: SnapshotIdentity
    /// Whether we made it.
    public var isOwn: Bool

    /// A target with its maker.
    public init(identity: SnapshotIdentity, isOwn: Bool) {
        self.identity = identity
        self.isOwn = isOwn
    }
}

/// What a scheduled run makes and sends, decided from what is in the cluster: another agent goes on from there.
public struct RunTargets: Sendable {
    /// Which snapshots are mirrored.
    public var selection: SnapshotSelection
    /// What is sent after an outage.
    public var catchUp: CatchUp
    /// What the source keeps.
    public var keep: Retention

    /// Rules from the configuration.
    public init(selection: SnapshotSelection, catchUp: CatchUp, keep: Retention) {
        self.selection = selection
        self.catchUp = catchUp
        self.keep = keep
    }

    /// How far the clocks of two hosts may be apart, in seconds.
    private static let skewSecondsMax: TimeInterval = 60

    /// Whether a snapshot has to be made for the run that was due at `due`; nil: no run was due, something newer than
    /// nothing will do. Snapshots from the future were made by a clock that was wrong, and count for nothing.
    public func needsSnapshot(dueAt due: Date?, snapshots: [SnapshotIdentity], now: Date) -> Bool {
        guard selection.includesOwn else { return false }
        let times = snapshots.compactMap { SnapshotName.ownTime($0.name) }
        guard let newest = times.filter({ $0 < now.addingTimeInterval(Self.skewSecondsMax) }).max() else {
            return due != nil || times.isEmpty
        }
        guard let due else { return false }
        // Names tell whole seconds.
        return newest < Date(timeIntervalSince1970: due.timeIntervalSince1970.rounded(.down))
    }

    /// What is sent, in order: what was begun, then users' snapshots as they were made, and of ours the newest.
    public func decide(snapshots: [RetainedSnapshot], record: SenderRecord, now: Date) -> [RunTarget] {
        let newer = snapshots.filter { $0.identity.id > record.acknowledged?.id ?? 0 }
        let own = selection.includesOwn ? newer.filter { SnapshotName.isOwn($0.identity.name) } : []
        var wanted = Set(own.max { $0.identity.id < $1.identity.id }.map { [$0.identity] } ?? [])
        if catchUp == .retention { wanted.formUnion(keep.wantedInBetween(of: own, now: now)) }
        if let unfinished = record.inFlight?.target, newer.contains(where: { $0.identity == unfinished }) {
            wanted.insert(unfinished)
        }
        return newer.map(\.identity).sorted { $0.id < $1.id }.compactMap { snapshot in
            let isOwn = SnapshotName.isOwn(snapshot.name)
            guard wanted.contains(snapshot) || !isOwn && selection.includesUsers(snapshot.name) else { return nil }
            return RunTarget(identity: snapshot, isOwn: isOwn)
        }
    }
}
