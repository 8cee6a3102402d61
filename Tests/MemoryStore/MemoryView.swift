public import FerryCore
public import ImageStore

/// An image in memory at one moment, for tests to look at. Copies no bytes.
public struct MemoryView: Sendable {
    private let image: MemoryImageState

    init(_ image: MemoryImageState) { self.image = image }

    /// The head.
    public var head: SparseBytes { image.head }
    /// What a loss of power would leave of the head.
    public var durableHead: SparseBytes { image.durableHead }
    /// The snapshots, in ascending order of id.
    public var snapshots: [Snapshot] { image.snapshots.map(\.snapshot) }
    /// What is kept with the image.
    public var metadata: [String: String] { image.metadata }
    /// Whether a handle holds the lock.
    public var isLocked: Bool { image.lockHolder != nil }

    /// What a snapshot holds; nil when it is gone.
    public func contents(of snapshot: SnapshotIdentity) -> SparseBytes? { image.snapshot(snapshot)?.contents }
}
