import FerryCore
import FoundationEssentials
import Glibc
import ImageStore

/// Snapshots: one file each, made whole under a temporary name before the record tells of it.
extension ImageFolder {
    func missing(_ snapshot: SnapshotIdentity, _ operation: String) -> StoreError {
        StoreError(.notFound, operation, "\(subject)@\(snapshot.name)", detail: "no snapshot with id \(snapshot.id)")
    }

    /// The snapshots, in ascending order of id.
    func snapshots(_ operation: String) throws(StoreError) -> [Snapshot] {
        var snapshots: [Snapshot] = []
        for found in try record(operation).snapshots { snapshots.append(try describe(found, operation)) }
        return snapshots
    }

    private func describe(
        _ found: ImageRecord.SnapshotRecord, _ operation: String
    ) throws(StoreError) -> Snapshot {
        let createdAt: Date
        if let milliseconds = found.createdAtMilliseconds {
            createdAt = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        } else {
            // A snapshot's file is never written to again.
            let name = try FileName.snapshot(found.name, operation)
            let time = try snapshotsFolder(operation).openFile(name, O_RDONLY, operation).status(operation).st_mtim
            createdAt = Date(timeIntervalSince1970: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
        }
        return Snapshot(
            identity: found.identity, byteCount: found.byteCount, createdAt: createdAt, isPinned: found.isPinned)
    }

    /// Makes a snapshot of the head; durable when it returns.
    func createSnapshot(_ name: String) throws(StoreError) -> Snapshot {
        let operation = "create snapshot"
        let fileName = try FileName.snapshot(name, operation)
        // Only to save the copy; asked again when it is done.
        try checkIsFree(name, in: record(operation), operation)
        let head = try openHead(O_RDONLY, operation)
        try head.sync(operation)
        let snapshots = try snapshotsFolder(operation)
        let (file, temporary) = try snapshots.makeTemporaryFile(operation)
        do throws(StoreError) {
            try file.becomeCopy(of: head, operation)
            let byteCount = try file.byteCount(operation)
            return try update(operation) { record throws(StoreError) in
                try checkIsFree(name, in: record, operation)
                let made = ImageRecord.SnapshotRecord(
                    id: record.nextSnapshotId, name: name, byteCount: byteCount, isPinned: false,
                    createdAtMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
                record.nextSnapshotId += 1
                record.filesInTransit.append(fileName)
                try write(record, operation)
                try snapshots.rename(temporary, to: fileName, operation)
                record.filesInTransit = []
                record.snapshots.append(made)
                return try describe(made, operation)
            }
        } catch {
            _ = unlinkat(snapshots.raw, temporary, 0)
            throw error
        }
    }

    private func checkIsFree(_ name: String, in record: ImageRecord, _ operation: String) throws(StoreError) {
        guard !record.snapshots.contains(where: { $0.name == name }) else {
            throw StoreError(.alreadyExists, operation, "\(subject)@\(name)")
        }
    }

    /// Removes a snapshot and its file.
    func removeSnapshot(_ snapshot: SnapshotIdentity) throws(StoreError) {
        let operation = "remove snapshot"
        try update(operation) { record throws(StoreError) in
            guard let found = record.snapshot(snapshot) else { throw missing(snapshot, operation) }
            guard !found.isPinned else {
                throw StoreError(
                    .locked, operation, "\(subject)@\(found.name)", detail: "it is pinned by a transfer",
                    remedy: "wait for the transfer to finish")
            }
            let fileName = try FileName.snapshot(found.name, operation)
            record.snapshots.removeAll { $0.id == found.id }
            record.filesInTransit.append(fileName)
            try write(record, operation)
            try snapshotsFolder(operation).unlink(fileName, operation)
            record.filesInTransit = []
        }
    }

    /// Sets or clears the pin; true when that changed it, nil when the snapshot is gone.
    func setPin(_ snapshot: SnapshotIdentity, to isPinned: Bool, _ operation: String) throws(StoreError) -> Bool? {
        try update(operation) { record in
            guard let index = record.snapshots.firstIndex(where: { $0.id == snapshot.id }) else { return nil }
            defer { record.snapshots[index].isPinned = isPinned }
            return record.snapshots[index].isPinned != isPinned
        }
    }

    /// Opens a snapshot's file, checked against its record.
    func openSnapshot(
        _ snapshot: SnapshotIdentity, _ operation: String
    ) throws(StoreError) -> (file: FileDescriptor, byteCount: UInt64) {
        guard let found = try record(operation).snapshot(snapshot) else { throw missing(snapshot, operation) }
        let file = try snapshotsFolder(operation).openFile(
            FileName.snapshot(found.name, operation), O_RDONLY, operation)
        let byteCount = try file.byteCount(operation)
        guard byteCount == found.byteCount else {
            throw StoreError(
                .inconsistent, operation, file.path,
                detail: "expected \(found.byteCount) bytes as recorded, found \(byteCount)")
        }
        return (file, byteCount)
    }
}
