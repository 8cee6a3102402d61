public import FerryCore

/// One of several changes to what is kept with a source image, or to the protection of its snapshots.
public enum SourceChange: Sendable, Equatable {
    /// As `setMetadata`.
    case setMetadata(ImageMetadata)
    /// As `pin`; whose pin it is then is not told.
    case pin(SnapshotIdentity)
    /// As `unpinUnlessCloned`.
    case unpinUnlessCloned(SnapshotIdentity)
}

extension SourceImage {
    /// As the store makes them one by one.
    public func carryOut(_ changes: [SourceChange]) async throws(StoreError) {
        for change in changes {
            switch change {
            case .setMetadata(let entry): try await setMetadata(entry.key, to: entry.value)
            case .pin(let snapshot): _ = try await pin(snapshot)
            case .unpinUnlessCloned(let snapshot): try await unpinUnlessCloned(snapshot)
            }
        }
    }

    /// Takes a pin away. One that the store will not give back, because somebody made a clone of the snapshot
    /// meanwhile, is theirs now.
    public func unpinUnlessCloned(_ snapshot: SnapshotIdentity) async throws(StoreError) {
        do throws(StoreError) {
            try await unpin(snapshot)
        } catch {
            guard error.reason == .locked else { throw error }
        }
    }
}
