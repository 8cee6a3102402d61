public import FerryCore

/// What was done to an image of a memory store through its handles.
public enum MemoryChange: Sendable {
    /// A snapshot was made.
    case snapshotMade(SnapshotIdentity)
    /// A snapshot was removed.
    case snapshotRemoved(SnapshotIdentity)
    /// What is kept under a key was set.
    case metadataSet(key: String, value: String)
    /// A key was removed.
    case metadataRemoved(key: String)
}

/// Called after each change, with the image that it was made to.
public typealias MemoryObserver = @Sendable (ImageIdentity, MemoryChange) -> Void
