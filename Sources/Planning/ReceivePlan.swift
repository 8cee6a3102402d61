public import FerryCore

/// What a sender wants on the mirror.
public struct WantedTransfer: Equatable, Sendable {
    /// The source image.
    public var source: ImageIdentity
    /// Its snapshots that could be a base.
    public var snapshots: [SnapshotIdentity]
    /// The snapshot wanted.
    public var target: SnapshotIdentity
    /// How its extents will be found.
    public var mode: DiffMode
    /// How they will be found when no snapshot is on both ends, `compare` or `full`; nil: it is refused then.
    public var lostBaseMode: DiffMode?
    /// Whether an image that others made, and filled, may become the mirror.
    public var maySeed: Bool
    /// Whether the target, which is published, is to be made anew from what differs.
    public var isRepair: Bool

    /// A wish from its parts; by default a plain transfer.
    public init(
        source: ImageIdentity, snapshots: [SnapshotIdentity], target: SnapshotIdentity, mode: DiffMode,
        lostBaseMode: DiffMode? = nil, maySeed: Bool = false, isRepair: Bool = false
    ) {
        self.source = source
        self.snapshots = snapshots
        self.target = target
        self.mode = mode
        self.lostBaseMode = lostBaseMode
        self.maySeed = maySeed
        self.isRepair = isRepair
    }
}

/// What has to be true of the mirror's head, or made true, before a delta goes on it.
public enum HeadPreparation: Equatable, Sendable {
    /// The head holds this transfer up to its checkpoint: nothing to do.
    case resume
    /// The head must equal the newest published snapshot (nil: be all zeros); if it does not, someone wrote to it.
    case expectClean(since: SnapshotIdentity?)
    /// The head holds part of another transfer: make it equal to the base.
    case rollBack(to: SnapshotIdentity)
    /// The head must equal the newest published snapshot, and is then made equal to an older one.
    case expectCleanThenRollBack(since: SnapshotIdentity, to: SnapshotIdentity)
    /// The head holds part of a first copy that nobody will finish: make it all zeros.
    case wipe
    /// The head may hold anything: the transfer finds what differs, or writes everything.
    case keep
}

/// What a receiver does about an offer.
public enum ReceivePlan: Equatable, Sendable {
    /// Make the mirror image, then take everything.
    case create
    /// The image is there, empty and without a record: an earlier start was cut before it could write one.
    case adoptIfEmpty
    /// The image is there, without a record, and may be taken for the mirror with what it holds: store that it is ours;
    /// plan again.
    case takeOver
    /// Take a transfer from a point on.
    case apply(TransferIdentity, from: ResumePoint, HeadPreparation)
    /// The target is there already.
    case published
    /// Store first that this pair is published (an earlier run was cut between snapshot and record); plan again.
    case finishPublication(PublishedSnapshot)
    /// No.
    case refuse(PlanConflict)
}

extension ReceivePlan {
    /// Decides about a wish for a mirror in the given state (nil: there is no such image).
    public static func decide(_ wanted: WantedTransfer, mirror: MirrorState?) -> ReceivePlan {
        guard let mirror else { return .create }
        guard let record = mirror.record else {
            if wanted.maySeed, wanted.lostBaseMode != nil, !wanted.isRepair { return .takeOver }
            return mirror.snapshots.isEmpty && !wanted.isRepair ? .adoptIfEmpty : .refuse(.foreignImage)
        }
        guard record.source == wanted.source else {
            return .refuse(.otherSource(expected: record.source, sourceName: record.sourceName, found: wanted.source))
        }
        if let finished = unrecordedPublication(mirror, record) { return .finishPublication(finished) }
        let published = record.published.filter { mirror.snapshots.contains($0.mirror) }
        if wanted.isRepair { return repair(wanted, mirror, published) }
        if published.contains(where: { $0.source.id == wanted.target.id }) { return .published }
        if let holder = mirror.snapshots.first(where: { $0.name == wanted.target.name }) {
            return .refuse(.nameTaken(target: wanted.target, holder: holder))
        }
        if let newer = published.map(\.source).max(by: { $0.id < $1.id }), newer.id > wanted.target.id {
            return .refuse(.olderThanPublished(target: wanted.target, newest: newer))
        }
        return resume(wanted, mirror, published) ?? start(wanted, mirror, record, published)
    }

    /// The plan that makes the newest published snapshot anew on a head that equals it, and may be wrong like it.
    private static func repair(
        _ wanted: WantedTransfer, _ mirror: MirrorState, _ published: [PublishedSnapshot]
    ) -> ReceivePlan {
        guard let newest = published.last, published.contains(where: { $0.source.id == wanted.target.id }) else {
            return .refuse(.notPublished(target: wanted.target))
        }
        guard newest.source.id == wanted.target.id else {
            return .refuse(.notNewest(target: wanted.target, newest: newest.source))
        }
        if let resumed = resume(wanted, mirror, published) { return resumed }
        let transfer = TransferIdentity(source: wanted.source, base: nil, target: wanted.target, mode: wanted.mode)
        return .apply(transfer, from: .start, cleanHead(at: newest, mirror))
    }

    /// The pair that an earlier run published without coming to record it.
    private static func unrecordedPublication(_ mirror: MirrorState, _ record: MirrorRecord) -> PublishedSnapshot? {
        guard let checkpoint = mirror.checkpoint, checkpoint.phase == .publishing,
            let snapshotIDMax = checkpoint.snapshotIDMax
        else { return nil }
        let target = checkpoint.transfer.target
        let name = checkpoint.mirrorName ?? target.name
        // The name was free before the phase began; a snapshot that someone else made earlier has a lower id.
        let made = mirror.snapshots.first { $0.name == name && $0.id > snapshotIDMax }
        return made.map { PublishedSnapshot(source: target, mirror: $0) }
    }

    /// The plan that goes on where the same transfer stopped; nil when it is not the same, or its base is gone.
    private static func resume(
        _ wanted: WantedTransfer, _ mirror: MirrorState, _ published: [PublishedSnapshot]
    ) -> ReceivePlan? {
        guard let checkpoint = mirror.checkpoint, checkpoint.phase != .preparing else { return nil }
        let transfer = checkpoint.transfer
        guard transfer.source == wanted.source, transfer.target == wanted.target,
            transfer.mode == wanted.mode || transfer.base == nil && transfer.mode == wanted.lostBaseMode
        else { return nil }
        if let base = transfer.base {
            guard wanted.snapshots.contains(base), published.contains(where: { $0.source.id == base.id }) else {
                return nil
            }
        }
        return .apply(transfer, from: checkpoint.resumePoint, .resume)
    }

    /// The plan that begins a transfer: on the newest snapshot both ends hold, or from nothing.
    private static func start(
        _ wanted: WantedTransfer, _ mirror: MirrorState, _ record: MirrorRecord, _ published: [PublishedSnapshot]
    ) -> ReceivePlan {
        guard let newest = published.last else { return startFromNothing(wanted, mirror, record) }
        guard let (base, pair) = newestCommon(wanted, published.filter { $0.mirror.id >= record.repairedID ?? 0 })
        else {
            guard let mode = wanted.lostBaseMode else {
                return .refuse(.lostBase(published: published.map(\.source), offered: wanted.snapshots))
            }
            let transfer = TransferIdentity(source: wanted.source, base: nil, target: wanted.target, mode: mode)
            return .apply(transfer, from: .start, cleanHead(at: newest, mirror))
        }
        let transfer = TransferIdentity(source: wanted.source, base: base, target: wanted.target, mode: wanted.mode)
        guard mirror.checkpoint == nil, pair.mirror != newest.mirror else {
            return .apply(transfer, from: .start, cleanHead(at: pair, mirror))
        }
        return .apply(transfer, from: .start, .expectCleanThenRollBack(since: newest.mirror, to: pair.mirror))
    }

    /// What makes sure that the head equals a published snapshot: the newest, or one to which it is rolled back.
    private static func cleanHead(at pair: PublishedSnapshot, _ mirror: MirrorState) -> HeadPreparation {
        mirror.checkpoint == nil ? .expectClean(since: pair.mirror) : .rollBack(to: pair.mirror)
    }

    /// The plan for a mirror that has none of the snapshots that were published on it, if any were.
    private static func startFromNothing(
        _ wanted: WantedTransfer, _ mirror: MirrorState, _ record: MirrorRecord
    ) -> ReceivePlan {
        // What was published here, or filled by others, and has no snapshot any more is still worth more than a wipe. But
        // whether someone wrote to it can't be told: the receiver must have agreed, or our own checkpoint explain it.
        let isFirstCopy = record.published.isEmpty && record.isSeeded != true
        if let mode = wanted.lostBaseMode, !isFirstCopy || !mirror.snapshots.isEmpty {
            let transfer = TransferIdentity(source: wanted.source, base: nil, target: wanted.target, mode: mode)
            if wanted.maySeed || mirror.checkpoint != nil { return .apply(transfer, from: .start, .keep) }
            if isFirstCopy { return .apply(transfer, from: .start, .expectClean(since: nil)) }
            return .refuse(.nothingPublished)
        }
        guard mirror.snapshots.isEmpty else { return .refuse(.foreignSnapshots(mirror.snapshots)) }
        guard isFirstCopy else { return .refuse(.lostBase(published: [], offered: wanted.snapshots)) }
        let transfer = TransferIdentity(source: wanted.source, base: nil, target: wanted.target, mode: wanted.mode)
        return .apply(transfer, from: .start, mirror.checkpoint == nil ? .expectClean(since: nil) : .wipe)
    }

    /// The newest published snapshot that the source still has, as the source names it now. Ids decide.
    private static func newestCommon(
        _ wanted: WantedTransfer, _ published: [PublishedSnapshot]
    ) -> (base: SnapshotIdentity, pair: PublishedSnapshot)? {
        for pair in published.reversed() {
            let offered = wanted.snapshots.first { $0.id == pair.source.id && $0.id < wanted.target.id }
            if let offered { return (offered, pair) }
        }
        return nil
    }
}
