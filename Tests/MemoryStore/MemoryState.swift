import FerryCore
import FoundationEssentials
import ImageStore

/// A snapshot in memory.
struct MemorySnapshot: Sendable {
    let identity: SnapshotIdentity
    var contents: SparseBytes
    /// What it held before it was damaged; nil: it was not.
    var undamaged: SparseBytes?
    let createdAt: Date
    var isPinned = false

    var snapshot: Snapshot {
        Snapshot(identity: identity, byteCount: contents.byteCount, createdAt: createdAt, isPinned: isPinned)
    }
}

/// Who has the lease on an image, and until when.
struct MemoryLeaseState: Sendable {
    let holder: String
    let until: Date
}

/// An image in memory, as long as it exists, whatever it is called.
struct MemoryImageState: Sendable {
    let identity: ImageIdentity
    let layout: ImageLayout
    var head: SparseBytes
    /// What a loss of power leaves of the head.
    var durableHead: SparseBytes
    var snapshots: [MemorySnapshot] = []
    var metadata: [String: String] = [:]
    /// The handle that holds the lock.
    var lockHolder: UInt64?
    /// The lease that was given last; it may have run out.
    var lease: MemoryLeaseState?
    /// Where lists of changes leave out what changed.
    var hiddenChanges: Extent?
    /// Handles that are open.
    var openHandles: Set<UInt64> = []

    func snapshot(_ identity: SnapshotIdentity) -> MemorySnapshot? {
        snapshots.first { $0.identity.id == identity.id }
    }
}

/// All there is in a memory store.
struct MemoryState: Sendable {
    /// Images by their id.
    var images: [String: MemoryImageState] = [:]
    /// Image ids by name.
    var idsByName: [String: String] = [:]
    /// Deltas that are open, of all images.
    var openDeltaCount = 0
    private var lastNumber: UInt64 = 0
    private var numbersByName: [String: UInt64] = [:]

    /// A number that was not used before in this store: image ids, snapshot ids, handles.
    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// A number for a thing of this name: a new one, or the one that its name had before.
    mutating func number(for name: String, follows: Bool) -> UInt64 {
        guard follows else { return nextNumber() }
        if let number = numbersByName[name] { return number }
        let number = nextNumber()
        numbersByName[name] = number
        return number
    }
}
