public import FerryCore
public import ImageStore

/// What a memory store is about to do: where tests inject faults.
public enum MemoryOperation: Hashable, Sendable {
    case imageNames
    case openSource
    case openMirror
    case createMirror
    case headByteCount
    case snapshots
    case createSnapshot
    case removeSnapshot
    case metadata(key: String)
    case allMetadata
    case setMetadata(key: String)
    case removeMetadata(key: String)
    case pin
    case unpin
    case lease
    case renewLease
    case openDelta
    case changedByteCountEstimate
    case extents
    /// One call of `read`, before any of its reads.
    case read
    case lock
    case resize
    /// One call of a mirror's `read`, before any of its reads.
    case readHead
    /// One call of `apply`, before any of its writes.
    case apply
    /// One write of an `apply`: those before it are done, those after it are not.
    case write(Extent)
    case flush
    case rollBack
    case wipe
    case firstChange
    case remove
}

/// What the users of a memory store's images do when they are asked to hold still for a snapshot of the image of that
/// name; false when they don't.
public typealias MemoryQuiesce = @Sendable (_ image: String) async -> Bool

/// Called before each operation with the image's name (empty for the store itself). It may throw what the
/// operation should throw, and take as long as the test likes.
public typealias MemoryFaults = @Sendable (MemoryOperation, String) async throws(StoreError) -> Void
