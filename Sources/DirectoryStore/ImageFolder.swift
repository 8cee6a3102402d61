import FerryCore
import Glibc
import ImageStore

/// One image's folder: `head.raw`, `image.json` and `snapshots`. All calls block.
///
/// Everything goes through the open folder, so a handle stays with its image when the folder gets another name.
/// While it is open its owner holds a shared lock on the folder, which tells `remove` that it is in use.
final class ImageFolder: Sendable {
    let folder: FileDescriptor

    init(_ folder: FileDescriptor) { self.folder = folder }

    /// How messages call the image.
    var subject: String { folder.path }

    /// What `image.json` holds now.
    func record(_ operation: String) throws(StoreError) -> ImageRecord {
        guard let record = try folder.readRecord(ImageRecord.self, FileName.record, operation) else {
            throw StoreError(.notFound, operation, subject, detail: "the image is gone")
        }
        return try checked(record, operation)
    }

    /// Changes the record, from what it holds now; nobody else changes it meanwhile.
    func update<Result>(
        _ operation: String, _ body: (inout ImageRecord) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let lock = try lockRecord(operation)
        defer { withExtendedLifetime(lock) {} }
        let before = try record(operation)
        var record = before
        try finishTransit(&record, operation)
        let result = try body(&record)
        if record != before { try write(record, operation) }
        return result
    }

    /// Writes the record; the caller is in `update`.
    func write(_ record: ImageRecord, _ operation: String) throws(StoreError) {
        try folder.writeRecord(record, FileName.record, operation)
    }

    /// Makes an image of a folder that holds a `head.raw` and no record yet. False when there is no `head.raw`.
    func adopt(_ operation: String) throws(StoreError) -> Bool {
        guard try folder.kind(of: FileName.head, operation) != nil else { return false }
        _ = try openHead(O_RDONLY, operation)
        let lock = try lockRecord(operation)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have been faster.
        guard try folder.kind(of: FileName.record, operation) == nil else { return true }
        try write(ImageRecord(identity: ImageFolder.newIdentity(), layout: .standard), operation)
        return true
    }

    /// Opens the head as it is now: rolling back puts another file in its place.
    func openHead(_ flags: CInt, _ operation: String) throws(StoreError) -> FileDescriptor {
        try folder.openFile(FileName.head, flags, operation)
    }

    /// Opens the folder of the snapshots' files.
    func snapshotsFolder(_ operation: String) throws(StoreError) -> FileDescriptor {
        try folder.makeFolder(FileName.snapshots, operation)
        return try folder.openFolder(FileName.snapshots, operation)
    }

    /// A name for an image that no other image ever had.
    static func newIdentity() -> String {
        let halves = (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return halves.joined()
    }

    private func lockRecord(_ operation: String) throws(StoreError) -> FileDescriptor {
        let lock = try folder.openFile(FileName.recordLock, O_RDWR | O_CREAT, operation)
        _ = try lock.lock(LOCK_EX, waits: true, operation)
        return lock
    }

    private func checked(_ record: ImageRecord, _ operation: String) throws(StoreError) -> ImageRecord {
        if let contradiction = record.contradiction {
            throw StoreError(.inconsistent, operation, "\(subject)/\(FileName.record)", detail: contradiction)
        }
        // The record may come from a backup or another machine; its names become paths all the same.
        for snapshot in record.snapshots { _ = try FileName.snapshot(snapshot.name, operation) }
        return record
    }

    /// Removes files that a crash left between a change of the record and a change of the folder.
    private func finishTransit(_ record: inout ImageRecord, _ operation: String) throws(StoreError) {
        guard !record.filesInTransit.isEmpty else { return }
        let folder = try snapshotsFolder(operation)
        let kept = Set(record.snapshots.map { $0.name + FileName.snapshotSuffix })
        for file in record.filesInTransit where !kept.contains(file) && !file.contains("/") {
            try folder.unlink(file, operation)
        }
        record.filesInTransit = []
    }
}
