import FerryCore
import Glibc
import ImageStore
import Synchronization
import Threading

/// A lease on an image: a lock on the file `lease` in its folder, which holds the holder's name.
///
/// The lock belongs to the open file, so the kernel lets go of it when the process dies. It does not run out while the
/// process lives, renewed or not.
final class DirectoryLease: ImageLease {
    let holder: String
    private let folder: ImageFolder
    private let threads: BlockingThreads
    /// The locked file; nil when it was released.
    private let file: Mutex<FileDescriptor?>

    init(_ file: FileDescriptor, of holder: String, on folder: ImageFolder, threads: BlockingThreads) {
        self.file = Mutex(file)
        self.holder = holder
        self.folder = folder
        self.threads = threads
    }

    /// Whether the locked file still is the one that others would lock. Blocks.
    func isHeld(_ operation: String) throws(StoreError) -> Bool {
        guard let file = file.withLock(\.self) else { return false }
        return try folder.folder.isSame(FileName.lease, as: file.status(operation), operation)
    }

    func renew() async throws(StoreError) {
        try await threads.run { [self] () throws(StoreError) in
            guard try isHeld("renew the lease on") else {
                throw StoreError.leaseIsLost("it was released, or its file is gone", folder.subject)
            }
        }
    }

    func release() async {
        await threads.run { [self] in file.withLock { $0 = nil } }
    }
}

/// The leases that were taken through one store: the same holder gets the one that it has.
final class DirectoryLeases: Sendable {
    /// A lease that lives as long as its holder keeps it.
    private struct Entry {
        weak var lease: DirectoryLease?
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// Takes the lease on an image. Blocks, and for no longer than it takes to open a file.
    func take(
        _ terms: LeaseTerms, on image: String, in folder: ImageFolder, threads: BlockingThreads
    ) throws(StoreError) -> DirectoryLease {
        let operation = LeaseTerms.operation
        return try entries.withLock { entries throws(StoreError) in
            entries = entries.filter { $0.value.lease != nil }
            if let present = entries[image]?.lease, present.holder == terms.holder, try present.isHeld(operation) {
                return present
            }
            let file = try folder.takeLeaseFile(for: terms.holder, operation)
            let lease = DirectoryLease(file, of: terms.holder, on: folder, threads: threads)
            entries[image] = Entry(lease: lease)
            return lease
        }
    }
}

extension ImageFolder {
    /// Locks the file `lease` and puts the holder's name in it.
    fileprivate func takeLeaseFile(for holder: String, _ operation: String) throws(StoreError) -> FileDescriptor {
        let file = try folder.openFile(FileName.lease, O_RDWR | O_CREAT, operation)
        guard try file.lock(LOCK_EX, waits: false, operation) else {
            throw StoreError.leaseIsTaken(by: try leaseHolder(file, operation), subject)
        }
        try file.truncate(to: 0, operation)
        let buffer = DataBuffer(Array(holder.utf8))
        try withExtendedLifetime(buffer) { () throws(StoreError) in
            try file.write(UnsafeRawBufferPointer(buffer.unsafeBytes), at: 0, operation)
        }
        return file
    }

    /// The name in the file; nil when its holder has not put it there yet.
    private func leaseHolder(_ file: FileDescriptor, _ operation: String) throws(StoreError) -> String? {
        let buffer = DataBuffer(byteCount: Int(min(try file.byteCount(operation), UInt64(Limits.nameByteCountMax))))
        let byteCount = try file.read(into: buffer.unsafeBytes, at: 0, operation)
        return byteCount == 0 ? nil : String(decoding: buffer.bytes(in: 0..<byteCount), as: UTF8.self)
    }
}
