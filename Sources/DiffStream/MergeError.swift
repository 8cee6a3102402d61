public import FerryCore

/// Two diffs that can't be merged: the second does not start where the first ends.
public struct MergeError: Failure, Hashable {
    /// The snapshot that the first diff leads to; nil for an image's head.
    public let firstToSnapshot: String?
    /// The snapshot that the second diff starts from; nil for a full diff.
    public let secondFromSnapshot: String?

    /// The two names, which must be there and equal but are not.
    public init(firstToSnapshot: String?, secondFromSnapshot: String?) {
        self.firstToSnapshot = firstToSnapshot
        self.secondFromSnapshot = secondFromSnapshot
    }

    /// The same diffs give the same error.
    public var disposition: Disposition { .permanent }

    /// Where the first diff leads, and where the second starts.
    public var cause: String {
        let end = firstToSnapshot.map { "snapshot '\($0.printable)'" } ?? "the image's head"
        let start = secondFromSnapshot.map { "snapshot '\($0.printable)'" } ?? "nothing, as a full diff"
        return "these diffs can't be merged: the first leads to \(end), the second starts from \(start)"
    }

    /// What the user can do.
    public var remedy: String { "give two diffs in order, the second from the snapshot that the first leads to" }
}
