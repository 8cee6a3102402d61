import FerryCore
import ImageStore

extension DirectoryImage {
    func featureBits() async throws(StoreError) -> UInt64 { ImageFeatureBits.usual }

    func pin(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool {
        let operation = "pin snapshot of"
        return try await perform(operation) { folder throws(StoreError) in
            guard let changed = try folder.setPin(snapshot, to: true, operation) else {
                throw folder.missing(snapshot, operation)
            }
            return changed
        }
    }

    func unpin(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        let operation = "unpin snapshot of"
        try await perform(operation) { folder throws(StoreError) in
            _ = try folder.setPin(snapshot, to: false, operation)
        }
    }

    func lease(holder: String, duration: Duration) async throws(StoreError) -> any ImageLease {
        let terms = try LeaseTerms(holder: holder, duration: duration, subject: folder.subject)
        return try await perform(LeaseTerms.operation) { [leases, identity, threads] folder throws(StoreError) in
            try leases.take(terms, on: identity.image, in: folder, threads: threads)
        }
    }

    func openDelta(
        from base: SnapshotIdentity?, to target: SnapshotIdentity, mode: DiffMode
    ) async throws(StoreError) -> any Delta {
        let operation = "open delta of"
        let files = try await perform(operation) { folder throws(StoreError) in
            let found: (file: FileDescriptor, byteCount: UInt64)?
            if let base { found = try folder.openSnapshot(base, operation) } else { found = nil }
            let (file, byteCount) = try folder.openSnapshot(target, operation)
            return FileComparison(
                base: found?.file, baseByteCount: found?.byteCount ?? 0, target: file, targetByteCount: byteCount)
        }
        return DirectoryDelta(files: files, threads: threads, laneCount: laneCount)
    }
}
