public import FerryCore
import ImageStore
import Planning

/// Why a stream can't be applied to an image.
public enum ImportError: Failure {
    /// A diff from a snapshot needs the image that has it.
    case noImage(String, base: String)
    /// The image lacks the snapshot that the diff starts from.
    case noBase(String, image: String, present: [String])
    /// The image has a snapshot of the name that the diff leads to.
    case targetExists(SnapshotIdentity, image: String)
    /// The head differs from the snapshot that the diff starts from.
    case headChanged(image: String, base: SnapshotIdentity, first: Extent)
    /// A full diff needs an empty image.
    case notEmpty(image: String, found: String)
    /// The image is the mirror of a sync.
    case isMirror(String)
    /// An import was killed on the image, which equalled that snapshot before; nil: it was empty.
    case leftByImport(image: String, base: SnapshotIdentity?)
    /// An import was killed on the image that it had made; some of its snapshots may be the user's.
    case leftWithSnapshots(image: String)
    /// An import was killed on the image, and the snapshot that it equalled before is gone.
    case wayBackGone(image: String)
    /// Somebody resized the image meanwhile.
    case resizedMeanwhile(image: String, expected: UInt64, found: UInt64)
    /// The import failed, and so did bringing the image back to what it was.
    case notUndone(image: String, cause: String, undoing: String)

    /// What can be done about it.
    public var disposition: Disposition {
        switch self {
        case .noImage, .noBase, .targetExists, .headChanged, .notEmpty, .isMirror, .leftByImport, .leftWithSnapshots,
            .wayBackGone, .resizedMeanwhile:
            .refused
        case .notUndone: .permanent
        }
    }

    /// What happened.
    public var cause: String {
        switch self {
        case .noImage(let image, let base):
            "the stream starts from snapshot \(base.printable), and there is no image \(image)"
        case .noBase(let base, let image, _):
            "the stream starts from snapshot \(base.printable), which \(image) does not have"
        case .targetExists(let snapshot, let image): "\(image) already has a snapshot \(snapshot)"
        case .headChanged(let image, let base, let first):
            "\(image) was written to since snapshot \(base): \(first.byteCount) bytes at \(first.offset)"
        case .notEmpty(let image, let found): "the stream is a full copy, and \(image) is not empty: \(found)"
        case .isMirror(let image): "\(image) is a mirror that rbd-ferry syncs"
        case .leftByImport(let image, _), .leftWithSnapshots(let image), .wayBackGone(let image):
            "\(image) was left unfinished by an import that was killed"
        case .resizedMeanwhile(let image, let expected, let found):
            "someone resized \(image) meanwhile (expected \(expected) bytes, found \(found)); that was undone, too"
        case .notUndone(let image, let cause, let undoing):
            "\(cause); and \(image) could not be brought back to what it was: \(undoing)"
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch self {
        case .noImage: "import the full copy first that has this snapshot"
        case .noBase(_, _, let present):
            present.isEmpty
                ? "it has no snapshots; import the streams in their order"
                : "it has: \(present.suffix(8).joined(separator: ", ").printable)"
        case .targetExists: "the stream was imported before, or another snapshot has its name"
        case .headChanged: "roll it back to that snapshot if what was written may go (`rbd snap rollback`)"
        case .notEmpty: "import to another name"
        case .isMirror: "import to another name; if it is to be a mirror no more, remove its rbd-ferry.* metadata"
        case .leftByImport(_, let base):
            "import with --restore to make it \(base.map { "equal to \($0)" } ?? "empty") first; what was written since is lost"
        case .leftWithSnapshots: "remove its snapshots and the image, then import again"
        case .wayBackGone:
            "the snapshot it came from is gone; if it is as it should be, remove its metadata \(ImageStateKey.importing)"
        case .resizedMeanwhile: "find out who resizes the image, then import again"
        case .notUndone: "import again with --restore, which brings it back first; or remove the image if it is new"
        }
    }
}
