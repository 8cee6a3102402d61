import FerryCore
import ImageStore

extension CephImage: SourceImage {
    func featureBits() async throws(StoreError) -> UInt64 {
        try await perform("read the features of") { () throws(CephError) in
            try self.currentHeader().features.rawValue
        }
    }

    func pin(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool {
        try await perform("pin snapshot", describe(snapshot)) { () throws(CephError) in
            // Whoever protected it before us may take that away before we look.
            for _ in 0..<3 {
                let isOurs = try self.withWatching { handle throws(CephError) in
                    try self.protect(snapshot.id, handle)
                }
                let found = try self.currentHeader().userSnapshots.first { $0.identity.id == snapshot.id }
                if found?.isPinned == true { return isOurs }
                guard found != nil else { throw CephError(.notFound, "it was removed meanwhile") }
            }
            throw CephError(.unavailable, "its protection was taken away again and again")
        }
    }

    /// Protects a snapshot, if it has the name still by which librbd does that; false when it was protected before. Blocks.
    func protect(_ id: UInt64, _ handle: RBDHandle) throws(CephError) -> Bool {
        let name = try agreedName(id, handle)
        guard try handle.features().contains(.layering) else {
            throw CephError(
                .unsupported, "its image lacks the feature layering, so its snapshots can't be protected",
                remedy: "copy it to an image with layering (`rbd deep cp`): it can't be added later")
        }
        let isOurs = try handle.protectSnapshot(name)
        // The name may have passed to another snapshot just before.
        guard (try? handle.userSnapshotName(id)) == name else {
            if isOurs { try handle.unprotectSnapshot(name) }
            throw CephError(.notFound, "it was removed or renamed meanwhile")
        }
        return isOurs
    }

    func unpin(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        try await change("unpin snapshot", describe(snapshot)) { handle throws(CephError) in
            try self.unprotect(snapshot.id, handle)
        }
    }

    /// Takes a snapshot's protection away; no error when there is none or it is gone. Blocks.
    func unprotect(_ id: UInt64, _ handle: RBDHandle) throws(CephError) {
        do throws(CephError) {
            try handle.unprotectSnapshot(try agreedName(id, handle))
        } catch  where error.reason == .notFound {
            return
        }
    }

    func lease(holder: String, duration: Duration) async throws(StoreError) -> any ImageLease {
        let terms = try LeaseTerms(holder: holder, duration: duration, subject: subject)
        let outcome = try await perform(LeaseTerms.operation) { () throws(CephError) in
            // Locking the header of an image that is gone would make an object that nothing removes.
            _ = try self.currentHeader()
            return try CephLease.take(terms, on: self)
        }
        return try outcome.get()
    }

    func openDelta(
        from base: SnapshotIdentity?, to target: SnapshotIdentity, mode: DiffMode
    ) async throws(StoreError) -> any Delta {
        let subject = base.map { "\(self.subject) from \($0) to \(target)" } ?? describe(target)
        return try await perform("open the delta", subject) { () throws(CephError) in
            try CephDelta(
                self.pool, imageID: self.identity.image, self.headerVersion, subject: subject, layout: self.layout,
                from: base?.id, to: target.id, mode: mode)
        }
    }
}
