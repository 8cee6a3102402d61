import FerryCore
import ImageStore
import Synchronization

/// A handle on an image in memory. One type plays both roles: what it may do is decided by the protocol it is
/// handed out as.
final class MemoryImage: SourceImage, MirrorImage {
    let store: MemoryStore
    let name: String
    let identity: ImageIdentity
    let layout: ImageLayout
    /// Tells handles on the same image apart.
    let handle: UInt64
    /// What this handle has listed, once it has pinned something; nil before. Only for a store whose pins lie.
    let listed = Mutex<ListedSnapshots>(ListedSnapshots())

    /// The snapshots that a handle has listed.
    struct ListedSnapshots {
        var hasPinned = false
        var byID: [UInt64: Snapshot] = [:]
    }

    init(store: MemoryStore, name: String, identity: ImageIdentity, layout: ImageLayout, handle: UInt64) {
        self.store = store
        self.name = name
        self.identity = identity
        self.layout = layout
        self.handle = handle
    }

    /// How messages call the image.
    var subject: String { "\(store.location)/\(name)" }

    /// Lets the test interfere, then runs `body` on the image's state.
    func perform<Result: Sendable>(
        _ operation: MemoryOperation, _ verb: String,
        _ body: @Sendable (inout MemoryImageState) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await store.before(operation, name)
        return try withState(verb, body)
    }

    /// Runs `body` on the image's state; throws `.notFound` when the image is gone.
    func withState<Result: Sendable>(
        _ verb: String, _ body: (inout MemoryImageState) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try store.state.withLock { state throws(StoreError) in
            // Taken out of the dictionary so that changing it copies nothing.
            guard var image = state.images.removeValue(forKey: identity.image) else {
                throw StoreError(.notFound, verb, subject, detail: "the image is gone")
            }
            defer { state.images[identity.image] = image }
            return try body(&image)
        }
    }

    func missing(_ snapshot: SnapshotIdentity, _ verb: String) -> StoreError {
        StoreError(.notFound, verb, "\(subject)@\(snapshot.name)", detail: "no snapshot with id \(snapshot.id)")
    }

    func headByteCount() async throws(StoreError) -> UInt64 {
        try await perform(.headByteCount, "read the size of") { image in image.head.byteCount }
    }

    func snapshots() async throws(StoreError) -> [Snapshot] {
        let present = try await perform(.snapshots, "list snapshots of") { image in image.snapshots.map(\.snapshot) }
        guard store.flaws.contains(.pinsLie) else { return present }
        return listed.withLock { listed in
            for snapshot in present { listed.byID[snapshot.identity.id] = snapshot }
            return listed.hasPinned ? listed.byID.values.sorted { $0.identity.id < $1.identity.id } : present
        }
    }

    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot {
        try await store.before(.createSnapshot, self.name)
        if quiesce != .skip {
            let isQuiet = await store.quiesceUsers(of: self.name)
            guard isQuiet || quiesce == .bestEffort else {
                throw StoreError(.notQuiesced, "create snapshot", "\(subject)@\(name)", detail: "a user refused")
            }
        }
        let follows = store.flaws.contains(.idsFollowNames)
        let id = store.state.withLock { $0.number(for: "\(self.name)@\(name)", follows: follows) }
        let createdAt = store.now
        let made = try withState("create snapshot") { image throws(StoreError) in
            guard !image.snapshots.contains(where: { $0.identity.name == name }) else {
                throw StoreError(.alreadyExists, "create snapshot", "\(subject)@\(name)")
            }
            let made = MemorySnapshot(
                identity: SnapshotIdentity(id: id, name: name), contents: image.head, createdAt: createdAt)
            image.durableHead = image.head
            image.snapshots.append(made)
            image.snapshots.sort { $0.identity.id < $1.identity.id }
            return made.snapshot
        }
        store.note(.snapshotMade(made.identity), to: identity)
        return made
    }

    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await perform(.removeSnapshot, "remove snapshot") { image throws(StoreError) in
            guard let found = image.snapshot(snapshot) else { throw missing(snapshot, "remove snapshot") }
            guard !found.isPinned else {
                throw StoreError(.locked, "remove snapshot", "\(subject)@\(snapshot.name)", detail: "it is pinned")
            }
            image.snapshots.removeAll { $0.identity.id == snapshot.id }
        }
        store.note(.snapshotRemoved(snapshot), to: identity)
    }

    func metadata(_ key: String) async throws(StoreError) -> String? {
        let isForgotten = store.flaws.contains(.proofsAreForgotten) && key.hasSuffix(".proof")
        return try await perform(.metadata(key: key), "read metadata of") { image in
            isForgotten ? nil : image.metadata[key]
        }
    }

    func allMetadata() async throws(StoreError) -> [ImageMetadata] {
        try await perform(.allMetadata, "list metadata of") { image in
            image.metadata.map { ImageMetadata(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
        }
    }

    func setMetadata(_ key: String, to value: String) async throws(StoreError) {
        try await perform(.setMetadata(key: key), "set metadata of") { image in image.metadata[key] = value }
        store.note(.metadataSet(key: key, value: value), to: identity)
    }

    func removeMetadata(_ key: String) async throws(StoreError) {
        try await perform(.removeMetadata(key: key), "remove metadata of") { image in image.metadata[key] = nil }
        store.note(.metadataRemoved(key: key), to: identity)
    }

    func close() async {
        store.state.withLock { state in
            state.images[identity.image]?.openHandles.remove(handle)
            if state.images[identity.image]?.lockHolder == handle {
                state.images[identity.image]?.lockHolder = nil
            }
        }
    }
}
