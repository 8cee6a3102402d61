public import FerryCore
import ImageStore

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
    /// The image is what an import left that was killed, and it has snapshots, of which some may be the user's.
    case leftByImport(String)
    /// Somebody resized the image meanwhile.
    case resizedMeanwhile(image: String, expected: UInt64, found: UInt64)
    /// The import failed, and so did bringing the image back to what it was.
    case notUndone(image: String, cause: String, undoing: String)

    /// What can be done about it.
    public var disposition: Disposition {
        switch self {
        case .noImage, .noBase, .targetExists, .headChanged, .notEmpty, .isMirror, .leftByImport: .refused
        case .resizedMeanwhile: .temporary
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
        case .leftByImport(let image): "\(image) was left unfinished by an import that was killed"
        case .resizedMeanwhile(let image, let expected, let found):
            "\(image) was resized meanwhile: expected \(expected) bytes, found \(found)"
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
        case .leftByImport: "remove its snapshots and the image, then import again"
        case .resizedMeanwhile: "find out who resizes the image, then import again"
        case .notUndone: "import again: it starts by bringing the image back"
        }
    }
}
