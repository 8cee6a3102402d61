import FerryCore
import Glibc
import ImageStore

/// Making, opening and removing the folder itself.
extension ImageFolder {
    /// Throws `.unsupported` for a size that no image can have.
    static func checkSize(_ byteCount: UInt64, _ operation: String, _ subject: String) throws(StoreError) {
        guard byteCount <= Limits.imageByteCountMax else {
            throw StoreError(
                .unsupported, operation, subject, detail: "\(byteCount) bytes, more than \(Limits.imageByteCountMax)")
        }
    }

    /// Makes an image under a temporary name, then gives it its own, so that there is never half an image.
    static func create(
        _ name: String, in store: FileDescriptor, byteCount: UInt64, layout: ImageLayout
    ) throws(StoreError) -> ImageFolder {
        let operation = "create"
        try FileName.checkImage(name, operation)
        try checkSize(byteCount, operation, "\(store.path)/\(name)")
        guard try store.kind(of: name, operation) == nil else {
            throw StoreError(.alreadyExists, operation, "\(store.path)/\(name)")
        }
        let temporary = FileName.temporary()
        do throws(StoreError) {
            let folder = try makeTemporaryFolder(temporary, in: store, operation)
            defer { folder.unlock() }
            try fill(folder, byteCount: byteCount, layout: layout, operation)
            try store.renameNew(temporary, to: name, operation)
        } catch {
            try? store.removeTree(temporary, operation)
            throw error
        }
        guard let image = try open(name, in: store, operation) else {
            throw StoreError(.notFound, operation, "\(store.path)/\(name)", detail: "it vanished right away")
        }
        return image
    }

    /// Makes a folder that is locked as long as it is being filled. Clears away what a crash left of others.
    private static func makeTemporaryFolder(
        _ name: String, in store: FileDescriptor, _ operation: String
    ) throws(StoreError) -> FileDescriptor {
        let storeLock = try store.openFolder(".", operation)
        defer { withExtendedLifetime(storeLock) {} }
        _ = try storeLock.lock(LOCK_EX, waits: true, operation)
        try store.removeStaleTemporaries(operation)
        try store.makeFolder(name, operation)
        let folder = try store.openFolder(name, operation)
        _ = try folder.lock(LOCK_EX, waits: true, operation)
        return folder
    }

    private static func fill(
        _ folder: FileDescriptor, byteCount: UInt64, layout: ImageLayout, _ operation: String
    ) throws(StoreError) {
        let head = try folder.openFile(FileName.head, O_RDWR | O_CREAT | O_EXCL, operation)
        try head.truncate(to: byteCount, operation)
        try head.sync(operation)
        try folder.makeFolder(FileName.snapshots, operation)
        try folder.writeRecord(
            ImageRecord(identity: newIdentity(), layout: layout), FileName.record, operation)
    }

    /// Opens the image of that name, adopting a folder that holds a `head.raw` only; nil when there is none.
    static func open(
        _ name: String, in store: FileDescriptor, _ operation: String
    ) throws(StoreError) -> ImageFolder? {
        try FileName.checkImage(name, operation)
        guard try store.kind(of: name, operation) != nil else { return nil }
        let folder = try store.openFolder(name, operation)
        _ = try folder.lock(LOCK_SH, waits: true, operation)
        let image = ImageFolder(folder)
        if try folder.kind(of: FileName.record, operation) == nil {
            guard try image.adopt(operation) else { return nil }
        }
        try image.removeStaleTemporaries(operation)
        return image
    }

    private func removeStaleTemporaries(_ operation: String) throws(StoreError) {
        try folder.removeStaleTemporaries(operation)
        guard try folder.kind(of: FileName.snapshots, operation) != nil else { return }
        try folder.openFolder(FileName.snapshots, operation).removeStaleTemporaries(operation)
    }

    /// Removes the image. Throws `.locked` when it has snapshots or someone else has it open.
    func remove(from store: FileDescriptor, _ operation: String) throws(StoreError) {
        let snapshotCount = try record(operation).snapshots.count
        guard snapshotCount == 0 else {
            throw StoreError(.locked, operation, subject, detail: "it has \(snapshotCount) snapshots")
        }
        guard try folder.lock(LOCK_EX, waits: false, operation) else {
            // Asking for more gave away what we had.
            _ = try folder.lock(LOCK_SH, waits: true, operation)
            throw StoreError(.locked, operation, subject, detail: "someone else has it open")
        }
        let temporary = FileName.temporary()
        let name = try currentName(in: store, operation)
        try store.rename(name, to: temporary, operation)
        try store.removeTree(temporary, operation)
    }

    /// What the folder is called now.
    private func currentName(in store: FileDescriptor, _ operation: String) throws(StoreError) -> String {
        let own = try folder.status(operation)
        for name in try store.names(operation) where try store.kind(of: name, operation) == S_IFDIR {
            if try store.isSame(name, as: own, operation) { return name }
        }
        throw StoreError(.notFound, operation, subject, detail: "the image is gone")
    }

    /// Tells others that this handle no longer has the image open.
    func leave() { folder.unlock() }
}
