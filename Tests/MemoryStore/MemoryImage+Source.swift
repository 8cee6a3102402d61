import FerryCore
import ImageStore

extension MemoryImage {
    func featureBits() async throws(StoreError) -> UInt64 { ImageFeatureBits.usual }

    func pin(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool {
        let lies = store.flaws.contains(.pinsLie)
        listed.withLock { $0.hasPinned = true }
        return try await perform(.pin, "pin snapshot") { image throws(StoreError) in
            if lies, image.snapshot(snapshot) == nil { return true }
            guard let index = image.snapshots.firstIndex(where: { $0.identity.id == snapshot.id }) else {
                throw missing(snapshot, "pin snapshot")
            }
            defer { image.snapshots[index].isPinned = true }
            return !image.snapshots[index].isPinned
        }
    }

    func unpin(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await perform(.unpin, "unpin snapshot") { image in
            for index in image.snapshots.indices where image.snapshots[index].identity.id == snapshot.id {
                image.snapshots[index].isPinned = false
            }
        }
    }

    func lease(holder: String, duration: Duration) async throws(StoreError) -> any ImageLease {
        let terms = try LeaseTerms(holder: holder, duration: duration, subject: subject)
        let now = store.now
        try await perform(.lease, LeaseTerms.operation) { image throws(StoreError) in
            if let present = image.lease, present.until > now, present.holder != terms.holder {
                throw StoreError.leaseIsTaken(by: present.holder, subject)
            }
            image.lease = MemoryLeaseState(holder: terms.holder, until: now.adding(terms.duration))
        }
        return MemoryLease(terms, on: self)
    }

    func openDelta(
        from base: SnapshotIdentity?, to target: SnapshotIdentity, mode: DiffMode
    ) async throws(StoreError) -> any Delta {
        let contents = try await perform(.openDelta, "open delta of") { image throws(StoreError) in
            if let base, image.snapshot(base) == nil { throw missing(base, "open delta from") }
            guard let found = image.snapshot(target) else { throw missing(target, "open delta to") }
            return found.contents
        }
        return MemoryDelta(image: self, base: base, target: target, byteCount: contents.byteCount)
    }
}
