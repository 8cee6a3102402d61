public import FerryCore
public import FoundationEssentials

/// A snapshot as its store sees it now.
public struct Snapshot: Hashable, Sendable {
    /// Id and name.
    public let identity: SnapshotIdentity
    /// Size of the image at this snapshot, in bytes.
    public let byteCount: UInt64
    /// When it was made, by the store's own clock.
    public let createdAt: Date
    /// Whether it is pinned, by us or by anyone: removing it fails.
    public let isPinned: Bool

    /// A snapshot with its size.
    public init(identity: SnapshotIdentity, byteCount: UInt64, createdAt: Date, isPinned: Bool = false) {
        self.identity = identity
        self.byteCount = byteCount
        self.createdAt = createdAt
        self.isPinned = isPinned
    }
}
