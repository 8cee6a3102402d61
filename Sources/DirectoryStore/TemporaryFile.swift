import Glibc
import ImageStore

/// Things that are being made live under a temporary name until they are whole. Whoever makes one holds a lock on
/// it, so that a leftover of a crash can be told from work in progress.
extension FileDescriptor {
    /// Makes an empty file under a temporary name, locked.
    func makeTemporaryFile(_ operation: String) throws(StoreError) -> (file: FileDescriptor, name: String) {
        for _ in 0..<16 {
            let name = FileName.temporary()
            let file = try open(name, O_RDWR | O_CREAT | O_EXCL, operation)
            // Someone who cleans up may have caught the file before it was locked.
            let isOurs = try file.lock(LOCK_EX, waits: false, operation)
            if isOurs, try kind(of: name, operation) != nil { return (file, name) }
        }
        throw StoreError(.failed, operation, path, detail: "temporary files vanish as soon as they are made")
    }

    /// Removes temporary files and folders that nobody is making any more.
    func removeStaleTemporaries(_ operation: String) throws(StoreError) {
        for name in try names(operation) where name.hasPrefix(FileName.temporaryPrefix) {
            let leftover: FileDescriptor
            do {
                leftover = try open(name, O_RDONLY | O_NONBLOCK, operation)
            } catch {
                guard error.reason == .notFound else { throw error }
                continue
            }
            guard try leftover.lock(LOCK_EX, waits: false, operation) else { continue }
            try removeTree(name, operation)
        }
    }
}
