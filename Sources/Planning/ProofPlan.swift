public import FerryCore

/// Which of a mirror's snapshots a proof is about.
public struct ProofPlan: Equatable, Sendable {
    /// The source's snapshot, as the source names it now.
    public let snapshot: SnapshotIdentity
    /// The mirror's snapshot that was published as it, as it is named now.
    public let mirror: SnapshotIdentity

    /// Finds the newest of the offered snapshots that the mirror (nil: there is none) has published and still holds. Where
    /// it was repaired, the repaired one counts.
    public static func decide(
        source: ImageIdentity, offered: [SnapshotIdentity], mirror: MirrorState?
    ) throws(ProofConflict) -> ProofPlan {
        guard let mirror else { throw .noMirror }
        guard let record = mirror.record else { throw .mirror(.foreignImage) }
        guard record.source == source else {
            throw .mirror(.otherSource(expected: record.source, sourceName: record.sourceName, found: source))
        }
        for snapshot in offered.sorted(by: { $0.id > $1.id }) {
            guard let pair = record.published.last(where: { $0.source.id == snapshot.id }),
                let present = mirror.snapshots.first(where: { $0.id == pair.mirror.id })
            else { continue }
            return ProofPlan(snapshot: snapshot, mirror: present)
        }
        throw .noCommonSnapshot(published: record.published.map(\.source), offered: offered)
    }
}

/// Why a proof or a repair can't be made.
public enum ProofConflict: Failure, Equatable {
    /// The receiver has no mirror of the image.
    case noMirror
    /// The image of the mirror's name is not this image's mirror.
    case mirror(PlanConflict)
    /// No snapshot is on both ends, or not the one that was named.
    case noCommonSnapshot(published: [SnapshotIdentity], offered: [SnapshotIdentity])
    /// The source has no snapshot at all.
    case noSnapshots(image: String)
    /// The user named a snapshot that the image does not have.
    case noSuchSnapshot(String)
    /// A slice that is none, or a share that is no part of a whole.
    case invalidScope(ProofScope)
    /// A repair ended well, and the mirror still shows the snapshot that was wrong.
    case notRepaired(SnapshotIdentity)
    /// Only the newest snapshot of a mirror can be repaired.
    case notNewest(SnapshotIdentity, newest: SnapshotIdentity)
    /// One of the two snapshots was deleted while it was compared.
    case snapshotGone(SnapshotIdentity, image: String)
    /// What was compared as a whole differs, and no part of it does.
    case unsteady(Extent)

    /// What can be done about it.
    public var disposition: Disposition {
        switch self {
        case .mirror(let conflict): conflict.disposition
        case .unsteady, .snapshotGone: .temporary
        case .notNewest: .refused
        case .invalidScope: .usage
        case .noMirror, .noCommonSnapshot, .noSnapshots, .noSuchSnapshot, .notRepaired: .permanent
        }
    }

    /// What happened.
    public var cause: String {
        switch self {
        case .noMirror: "the receiver has no mirror of this image"
        case .mirror(let conflict): conflict.cause
        case .noCommonSnapshot(let published, let offered):
            "no snapshot to compare is on both ends: the mirror holds \(PlanConflict.list(published)), "
                + "the source offers \(PlanConflict.list(offered))"
        case .noSnapshots(let image): "\(image) has no snapshot to compare"
        case .noSuchSnapshot(let name): "the image has no snapshot named \(name)"
        case .invalidScope(let scope): "there is no \(scope) of an image"
        case .notRepaired(let mirror): "the receiver repaired the snapshot, and still offers \(mirror), which is wrong"
        case .notNewest(let snapshot, let newest):
            "snapshot \(snapshot) can't be repaired: \(newest) is newer, and is on the mirror"
        case .snapshotGone(let snapshot, let image):
            "snapshot \(snapshot) of \(image) was deleted while it was compared; that proves nothing"
        case .unsteady(let extent):
            "\(extent.byteCount) bytes from offset \(extent.offset) differed, and when read again in parts did not: "
                + "one of the two clusters does not always read the same"
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch self {
        case .noMirror: "sync the image first"
        case .mirror(let conflict): conflict.remedy
        case .noCommonSnapshot: "sync the image, then compare the snapshot that was sent"
        case .noSnapshots: "sync the image first; that makes one"
        case .noSuchSnapshot: "list the image's snapshots and name one of them, or name none"
        case .invalidScope: "name a slice from 1 to their number, or a share of more than 0 and at most 100 percent"
        case .notRepaired: "run again; if it comes back, see the receiver's log"
        case .notNewest: "name the newest snapshot that is on both ends, or none, and repair that"
        case .snapshotGone: "run again; another snapshot is compared then"
        case .unsteady: "run again; if it comes back, check the health of both clusters"
        }
    }
}
