import FerryCore
import ImageStore
import Synchronization

/// An image in Ceph, opened at its head.
///
/// What "read afresh" is asked of comes through a new handle (`RadosPool.withMomentary`), unless the version of the image's
/// header shows that what was read before is still true (`currentHeader`). A source is watched only while something of it
/// is changed, so that a sender that is killed leaves no watch behind; a mirror is watched, and locked, for as long as it
/// is open.
final class CephImage: Image {
    let identity: ImageIdentity
    let layout: ImageLayout
    let pool: RadosPool
    let handle: RBDHandle
    private let access: RBDHandle.Access
    /// How messages call it: `pool/name`.
    let subject: String
    let gate = OperationGate()
    let headerVersion: HeaderVersion
    /// The header as it was last read, and its version.
    let knownHeader = Mutex<(version: UInt64, header: ImageHeader)?>(nil)

    /// Opens an image. Blocks. Throws `.notFound` when there is none of that name.
    init(
        _ pool: RadosPool, _ name: String, _ access: RBDHandle.Access, subject: String
    ) throws(CephError) {
        handle = try RBDHandle(pool, .name(name), access)
        self.access = access
        self.pool = pool
        self.subject = subject
        do throws(CephError) {
            identity = ImageIdentity(cluster: pool.cluster.fsid, pool: pool.id, image: try handle.id())
            headerVersion = try HeaderVersion(pool, imageID: identity.image)
            layout = try handle.layout()
        } catch {
            handle.close()
            throw error
        }
    }

    func headByteCount() async throws(StoreError) -> UInt64 {
        try await perform("read the size of") { () throws(CephError) in
            try self.currentHeader().byteCount
        }
    }

    func snapshots() async throws(StoreError) -> [Snapshot] {
        try await perform("list snapshots of") { () throws(CephError) in
            try self.currentHeader().userSnapshots
        }
    }

    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot {
        try await perform("create snapshot", "\(subject)@\(name)") { () throws(CephError) in
            guard !name.isEmpty, name.utf8.count <= Limits.nameByteCountMax else {
                throw CephError(.unsupported, "its name has \(name.utf8.count) bytes")
            }
            let before = try self.currentHeader().userSnapshots.map(\.identity.id)
            try self.withWatching { handle throws(CephError) in
                try handle.createSnapshot(try checkedCString(name, "its name"), quiesce: quiesce)
            }
            let snapshots = try self.currentHeader().userSnapshots
            guard let snapshot = snapshots.last(where: { $0.identity.name.hasSameBytes(as: name) }) else {
                throw CephError(.inconsistent, "it was made and is not there")
            }
            // librbd calls it a success when another client has just made one of that name.
            guard !before.contains(snapshot.identity.id) else {
                throw CephError(.alreadyExists, "another client made it just now")
            }
            return snapshot
        }
    }

    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await change("remove snapshot", describe(snapshot)) { handle throws(CephError) in
            _ = try self.agreedName(snapshot.id, handle)
            try handle.removeSnapshot(snapshot.id)
        }
    }

    func metadata(_ key: String) async throws(StoreError) -> String? {
        try await perform("read metadata \(key) of") { () throws(CephError) in
            try self.handle.metadata(try checkedCString(key, "the key"))
        }
    }

    func allMetadata() async throws(StoreError) -> [ImageMetadata] {
        try await perform("list metadata of") { () throws(CephError) in try self.handle.allMetadata() }
    }

    func setMetadata(_ key: String, to value: String) async throws(StoreError) {
        try await change("set metadata \(key) of", subject) { handle throws(CephError) in
            try self.set(ImageMetadata(key: key, value: value), handle)
        }
    }

    /// Sets metadata. Blocks.
    func set(_ entry: ImageMetadata, _ handle: RBDHandle) throws(CephError) {
        try handle.setMetadata(
            try checkedCString(entry.key, "the key"), to: try checkedCString(entry.value, "the value"))
    }

    func removeMetadata(_ key: String) async throws(StoreError) {
        try await change("remove metadata \(key) of", subject) { handle throws(CephError) in
            try handle.removeMetadata(try checkedCString(key, "the key"))
        }
    }

    func close() async {
        await gate.close {
            await CephThreads.control.run { self.handle.close() }
        }
    }

    /// How messages call one of its snapshots.
    func describe(_ snapshot: SnapshotIdentity) -> String { "\(subject)@\(snapshot)" }

    /// Runs `body` with a handle that shows the image as it is now. Blocks.
    func afresh<Result>(_ body: (RBDHandle) throws(CephError) -> Result) throws(CephError) -> Result {
        try pool.withMomentary(.id(identity.image), body)
    }

    /// Runs `body` with a handle that watches the image; for a source it is opened for this. Blocks.
    func withWatching<Result>(_ body: (RBDHandle) throws(CephError) -> Result) throws(CephError) -> Result {
        guard access == .momentary else { return try body(handle) }
        let watching = try RBDHandle(pool, .id(identity.image), .watching)
        defer { watching.close() }
        return try body(watching)
    }

    /// The name of a snapshot, when the cluster and a watching handle agree that this id has it. Blocks. Throws
    /// `.notFound` when the id is gone.
    func agreedName(_ id: UInt64, _ handle: RBDHandle) throws(CephError) -> [CChar] {
        // A source's was opened just now, and it watches.
        guard access == .watching else { return try handle.userSnapshotName(id) }
        let name = try afresh { image throws(CephError) in try image.userSnapshotName(id) }
        guard (try? handle.userSnapshotName(id)) == name else {
            throw CephError(.unavailable, "this client has not heard of the image's last change yet")
        }
        return name
    }

    /// Runs a blocking `body` on our threads while the image stays open.
    func perform<Result: Sendable>(
        _ operation: String, _ subject: String? = nil, _ body: @escaping @Sendable () throws(CephError) -> Result
    ) async throws(StoreError) -> Result {
        try await performAsync(operation, subject) { () async throws(CephError) in
            try await CephThreads.control.run(body)
        }
    }

    /// Runs a blocking `body` that changes the image, with a handle that watches it.
    func change<Result: Sendable>(
        _ operation: String, _ subject: String, _ body: @escaping @Sendable (RBDHandle) throws(CephError) -> Result
    ) async throws(StoreError) -> Result {
        try await perform(operation, subject) { () throws(CephError) in try self.withWatching(body) }
    }

    /// Runs `body` while the image stays open.
    func performAsync<Result: Sendable>(
        _ operation: String, _ subject: String? = nil, _ body: () async throws(CephError) -> Result
    ) async throws(StoreError) -> Result {
        do throws(CephError) {
            return try await gate.run(body)
        } catch {
            throw error.about(operation, subject ?? self.subject)
        }
    }
}
