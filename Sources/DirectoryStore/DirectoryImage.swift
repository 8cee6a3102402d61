import FerryCore
import Glibc
import ImageStore
import Synchronization
import Threading

/// An image in a directory store, open. One type plays both roles: what it may do is decided by the protocol it is
/// handed out as.
final class DirectoryImage: SourceImage, MirrorImage {
    /// What whoever writes to the head holds on to.
    struct Writer {
        /// The locked lock file.
        var lock: FileDescriptor?
        /// The head. Kept open so that no error of writing back is lost between two calls.
        var head: FileDescriptor?
    }

    let store: FileDescriptor
    let folder: ImageFolder
    let identity: ImageIdentity
    let layout: ImageLayout
    let threads: BlockingThreads
    let laneCount: Int
    let leases: DirectoryLeases
    let writer = Mutex(Writer())
    private let gate = OperationGate()

    init(
        store: FileDescriptor, folder: ImageFolder, cluster: String, record: ImageRecord, threads: BlockingThreads,
        laneCount: Int, leases: DirectoryLeases
    ) {
        self.store = store
        self.folder = folder
        self.threads = threads
        self.laneCount = laneCount
        self.leases = leases
        identity = ImageIdentity(cluster: cluster, pool: 0, image: record.identity)
        layout = record.layout
    }

    /// Runs `body` while the image is open; it fails when it was closed.
    func whileOpen<Result>(
        _ operation: String, _ body: () async throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        guard gate.enter() else {
            throw StoreError(.failed, operation, folder.subject, detail: "the image was closed")
        }
        defer { gate.leave() }
        return try await body()
    }

    /// Runs blocking work on the folder.
    func perform<Result: Sendable>(
        _ operation: String, _ body: @escaping @Sendable (ImageFolder) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await whileOpen(operation) { () throws(StoreError) in
            try await threads.run { [folder] () throws(StoreError) in try body(folder) }
        }
    }

    func headByteCount() async throws(StoreError) -> UInt64 {
        let operation = "read the size of"
        return try await perform(operation) { folder throws(StoreError) in
            try folder.openHead(O_RDONLY, operation).byteCount(operation)
        }
    }

    func snapshots() async throws(StoreError) -> [Snapshot] {
        let operation = "list snapshots of"
        return try await perform(operation) { folder throws(StoreError) in
            try folder.snapshots(operation)
        }
    }

    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot {
        try await perform("create snapshot of") { folder throws(StoreError) in try folder.createSnapshot(name) }
    }

    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await perform("remove snapshot of") { folder throws(StoreError) in try folder.removeSnapshot(snapshot) }
    }

    func metadata(_ key: String) async throws(StoreError) -> String? {
        let operation = "read metadata of"
        return try await perform(operation) { folder throws(StoreError) in
            try folder.record(operation).metadata[key]
        }
    }

    func allMetadata() async throws(StoreError) -> [ImageMetadata] {
        let operation = "list metadata of"
        return try await perform(operation) { folder throws(StoreError) in
            try folder.record(operation).metadata.map { ImageMetadata(key: $0.key, value: $0.value) }
                .sorted { $0.key < $1.key }
        }
    }

    func setMetadata(_ key: String, to value: String) async throws(StoreError) {
        let operation = "set metadata of"
        try await perform(operation) { folder throws(StoreError) in
            try folder.update(operation) { record in record.metadata[key] = value }
        }
    }

    func removeMetadata(_ key: String) async throws(StoreError) {
        let operation = "remove metadata of"
        try await perform(operation) { folder throws(StoreError) in
            try folder.update(operation) { record in record.metadata[key] = nil }
        }
    }

    func close() async {
        await gate.close()
        writer.withLock { $0 = Writer() }
        folder.leave()
    }
}
