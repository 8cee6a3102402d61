public import FerryCore

/// Why a receiver does not take an offer, with the evidence.
public enum PlanConflict: Failure, Equatable {
    /// An image of the mirror's name exists and was not made by rbd-ferry.
    case foreignImage
    /// The mirror belongs to another source image.
    case otherSource(expected: ImageIdentity, sourceName: String, found: ImageIdentity)
    /// The mirror has snapshots that were not published here, and none that were.
    case foreignSnapshots([SnapshotIdentity])
    /// The mirror has a snapshot of the target's name that is not the target.
    case nameTaken(target: SnapshotIdentity, holder: SnapshotIdentity)
    /// No snapshot is on both ends any more.
    case lostBase(published: [SnapshotIdentity], offered: [SnapshotIdentity])
    /// All snapshots that were published are gone from the mirror: who wrote to it since can't be told.
    case nothingPublished
    /// The mirror's head was written to by someone else.
    case foreignWrite(since: SnapshotIdentity?, first: Extent)
    /// The wanted snapshot is older than what is published.
    case olderThanPublished(target: SnapshotIdentity, newest: SnapshotIdentity)
    /// A snapshot that the mirror does not have was to be repaired.
    case notPublished(target: SnapshotIdentity)
    /// A snapshot was to be repaired though the mirror has a newer one.
    case notNewest(target: SnapshotIdentity, newest: SnapshotIdentity)

    /// Going on could lose data.
    public var disposition: Disposition { .refused }

    /// What happened.
    public var cause: String {
        switch self {
        case .foreignImage:
            return "an image of the mirror's name exists and was not made by rbd-ferry"
        case .otherSource(let expected, let sourceName, let found):
            return "the mirror belongs to another source image: expected \(expected) (then named \(sourceName)), "
                + "found \(found)"
        case .foreignSnapshots(let snapshots):
            return "the mirror has no published snapshot, but has others: \(Self.list(snapshots))"
        case .nameTaken(let target, let holder):
            return "the mirror has another snapshot named \(target.name) (id \(holder.id) there), "
                + "which is not the source's id \(target.id)"
        case .lostBase(let published, let offered):
            return "no snapshot is on both ends: the mirror holds \(Self.list(published)), "
                + "the source offers \(Self.list(offered))"
        case .nothingPublished:
            return "all snapshots that were published are gone from the mirror: whether someone else wrote to it since "
                + "then can't be told"
        case .foreignWrite(let since, let first):
            return "someone wrote to the mirror: its head differs from "
                + (since.map { "snapshot \($0.name)" } ?? "an empty image")
                + ", first at offset \(first.offset) (\(first.byteCount) bytes)"
        case .olderThanPublished(let target, let newest):
            return "snapshot \(target) is older than \(newest), which is published"
        case .notPublished(let target):
            return "the mirror has no copy of snapshot \(target), so there is nothing to repair"
        case .notNewest(let target, let newest):
            return "only the newest published snapshot can be repaired: that is \(newest), not \(target)"
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch self {
        case .foreignImage:
            return "rename or remove that image at the receiver, or set a prefix for this client there; to make it the "
                + "mirror with what it holds, name it under the client's seeded there and sync with --reconcile"
        case .otherSource:
            return "if the source was made anew on purpose, rename or remove the mirror at the receiver; "
                + "the next sync then makes a new one"
        case .foreignSnapshots:
            return
                "sync now --reconcile, or on-lost-base: reconcile, compares both ends and sends only what differs; for a "
                + "full copy, rename the mirror at the receiver"
        case .nameTaken:
            return "remove or rename that snapshot at the receiver, or sync a snapshot of another name"
        case .lostBase:
            return
                "sync now --reconcile, or on-lost-base: reconcile, compares both ends and sends only what differs; for a "
                + "full copy, rename or remove the mirror at the receiver"
        case .nothingPublished:
            return "if nobody needs what it holds, name the image under the client's seeded at the receiver and sync "
                + "with --reconcile; for a full copy, rename the mirror"
        case .foreignWrite(let since, _):
            if let since {
                return "to drop what was written, stop its writer and roll the mirror's head back to \(since.name) "
                    + "at the receiver (rbd snap rollback); to keep it, rename the mirror"
            }
            return "rename or remove the mirror at the receiver; the next sync then makes a new one"
        case .olderThanPublished:
            return "name a newer snapshot"
        case .notPublished, .notNewest:
            return "verify the newest snapshot that both ends have"
        }
    }

    static func list(_ snapshots: [SnapshotIdentity]) -> String {
        guard !snapshots.isEmpty else { return "none" }
        let shown = snapshots.prefix(3).map(\.description).joined(separator: ", ")
        return snapshots.count > 3 ? "\(shown) and \(snapshots.count - 3) more" : shown
    }
}
