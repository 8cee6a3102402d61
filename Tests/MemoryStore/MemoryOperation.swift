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
    case openDelta
    case changedByteCountEstimate
    case extents
    /// One call of `read`, before any of its reads.
    case read
    case lock
    case resize
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

/// Called before each operation with the image's name (empty for the store itself). It may throw what the
/// operation should throw, and take as long as the test likes.
public typealias MemoryFaults = @Sendable (MemoryOperation, String) async throws(StoreError) -> Void
