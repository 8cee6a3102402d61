public import FerryCore

/// Why an image can't be read as was asked.
public enum ExportError: Failure {
    /// The image has no snapshot of that name.
    case noSnapshot(String, image: String, present: [String])
    /// A diff leads from an older snapshot to a newer one.
    case baseNotOlder(base: SnapshotIdentity, target: SnapshotIdentity)
    /// A snapshot was deleted while it was read: what was read may be zeros that never were.
    case snapshotGone(SnapshotIdentity, image: String)
    /// A sync or an import is applying something to the head, or was cut while it did.
    case unfinishedHead(image: String)
    /// It failed, and what was done to the source for it could not be undone.
    case leftBehind(LeftBehind, after: String)

    /// What can be done about it.
    public var disposition: Disposition {
        switch self {
        case .noSnapshot, .baseNotOlder: .usage
        case .snapshotGone: .temporary
        case .unfinishedHead: .refused
        case .leftBehind: .permanent
        }
    }

    /// What happened.
    public var cause: String {
        switch self {
        case .noSnapshot(let name, let image, _): "\(image) has no snapshot \(name.printable)"
        case .baseNotOlder(let base, let target): "\(base) is not older than \(target)"
        case .snapshotGone(let snapshot, let image):
            "snapshot \(snapshot) of \(image) was deleted while it was read; the stream was not completed"
        case .unfinishedHead(let image): "the head of \(image) holds part of a transfer that is not finished"
        case .leftBehind(_, let cause): cause
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch self {
        case .noSnapshot(_, _, let present):
            present.isEmpty ? "it has none" : "it has: \(present.suffix(8).joined(separator: ", ").printable)"
        case .baseNotOlder: "give the older snapshot as --from"
        case .snapshotGone: "export again, from snapshots that stay"
        case .unfinishedHead: "name a snapshot, or wait until the sync or the import is done"
        case .leftBehind(let left, _): left.text
        }
    }
}
