import Glibc
public import ImageStore
import Threading

/// Images as raw sparse files in a folder: `FOLDER/IMAGE/head.raw`, `FOLDER/IMAGE/snapshots/SNAP.raw` and
/// `FOLDER/IMAGE/image.json`.
///
/// Snapshots share blocks with the head where the file system can (XFS, btrfs) and are sparse copies elsewhere.
/// A folder that someone made by hand with a `head.raw` in it is an image too. Several processes may use one
/// store at a time.
public final class DirectoryStore: ImageStore {
    /// What `store.json` holds.
    private struct StoreRecord: Codable {
        var format = 1
        let id: String
    }

    private let folder: FileDescriptor
    private let path: String
    private let id: String
    private let threads: BlockingThreads
    private let laneCount: Int
    private let leases = DirectoryLeases()

    private init(folder: FileDescriptor, path: String, id: String, threads: BlockingThreads, laneCount: Int) {
        self.folder = folder
        self.path = path
        self.id = id
        self.threads = threads
        self.laneCount = laneCount
    }

    /// Opens the store in an existing folder; gives it its identity the first time. Throws `.notFound` when there
    /// is no such folder. `threadCount` reads and writes are under way at a time, at most; at least 1.
    public static func open(_ path: String, threadCount: Int = 4) async throws(StoreError) -> DirectoryStore {
        let threads = BlockingThreads(count: max(1, threadCount))
        return try await threads.run { () throws(StoreError) in
            let folder = try FileDescriptor.openFolder(path: path, "open store")
            let id = try identify(folder)
            return DirectoryStore(
                folder: folder, path: path, id: id, threads: threads, laneCount: max(1, threadCount))
        }
    }

    /// Reads the store's id, or makes one; of two processes that do it at once one waits for the other.
    private static func identify(_ folder: FileDescriptor) throws(StoreError) -> String {
        let operation = "open store"
        if let record = try folder.readRecord(StoreRecord.self, FileName.store, operation) { return record.id }
        let lock = try folder.openFolder(".", operation)
        defer { withExtendedLifetime(lock) {} }
        _ = try lock.lock(LOCK_EX, waits: true, operation)
        if let record = try folder.readRecord(StoreRecord.self, FileName.store, operation) { return record.id }
        let record = StoreRecord(id: ImageFolder.newIdentity())
        try folder.writeRecord(record, FileName.store, operation)
        return record.id
    }

    /// `dir:FOLDER`.
    public var location: String { "dir:\(path)" }

    /// Names of all images, sorted: of folders that hold a `head.raw`.
    public func imageNames() async throws(StoreError) -> [String] {
        let operation = "list images of"
        return try await threads.run { [folder] () throws(StoreError) in
            var images: [String] = []
            for name in try folder.names(operation) where try isImage(name, in: folder, operation) {
                images.append(name)
            }
            return images.sorted()
        }
    }

    /// Opens an image to send from.
    public func openSource(_ name: String) async throws(StoreError) -> any SourceImage {
        guard let image = try await openImage(name) else {
            throw StoreError(.notFound, "open", "\(path)/\(name)", detail: "no folder with a \(FileName.head) in it")
        }
        return image
    }

    /// Opens an image to apply to; nil when there is none of that name.
    public func openMirror(_ name: String) async throws(StoreError) -> (any MirrorImage)? {
        try await openImage(name)
    }

    /// Creates an empty image and opens it.
    public func createMirror(
        _ name: String, byteCount: UInt64, layout: ImageLayout
    ) async throws(StoreError) -> any MirrorImage {
        try await threads.run { [self] () throws(StoreError) in
            let image = try ImageFolder.create(name, in: folder, byteCount: byteCount, layout: layout)
            return try handle(image)
        }
    }

    /// Nothing to let go of: the folder is closed with its last image.
    public func close() async {}

    private func openImage(_ name: String) async throws(StoreError) -> DirectoryImage? {
        try await threads.run { [self] () throws(StoreError) in
            guard let image = try ImageFolder.open(name, in: folder, "open") else { return nil }
            return try handle(image)
        }
    }

    private func handle(_ image: ImageFolder) throws(StoreError) -> DirectoryImage {
        DirectoryImage(
            store: folder, folder: image, cluster: id, record: try image.record("open"), threads: threads,
            laneCount: laneCount, leases: leases)
    }
}

/// Whether `name` is a folder, not a link to one, that holds a `head.raw`.
private func isImage(_ name: String, in store: FileDescriptor, _ operation: String) throws(StoreError) -> Bool {
    guard (try? FileName.checkImage(name, operation)) != nil, try store.kind(of: name, operation) == S_IFDIR else {
        return false
    }
    do throws(StoreError) {
        return try store.kind(of: "\(name)/\(FileName.head)", operation) == S_IFREG
    } catch {
        // A folder of somebody else's, such as lost+found, is no image of ours.
        guard error.reason == .notPermitted else { throw error }
        return false
    }
}
