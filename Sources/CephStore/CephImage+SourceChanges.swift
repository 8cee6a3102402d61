import FerryCore
import ImageStore

extension CephImage {
    /// With one handle for all: each one that watches takes ten round trips.
    func carryOut(_ changes: [SourceChange]) async throws(StoreError) {
        guard !changes.isEmpty else { return }
        let outcome = try await perform("change") { () throws(CephError) in
            try self.withWatching { handle throws(CephError) in self.carryOut(changes, handle) }
        }
        try outcome.get()
        let pins = changes.finalPins
        guard !pins.isEmpty else { return }
        let pinned = Set(try await snapshots().filter(\.isPinned).map(\.identity.id))
        for snapshot in pins where !pinned.contains(snapshot.id) {
            // Whoever protected it before us took that away.
            _ = try await pin(snapshot)
        }
    }

    private func carryOut(_ changes: [SourceChange], _ handle: RBDHandle) -> Result<Void, StoreError> {
        for change in changes {
            do throws(CephError) {
                try carryOut(change, handle)
            } catch {
                return .failure(error.about(change.operation, subject(of: change)))
            }
        }
        return .success(())
    }

    private func carryOut(_ change: SourceChange, _ handle: RBDHandle) throws(CephError) {
        switch change {
        case .setMetadata(let entry): try set(entry, handle)
        case .pin(let snapshot): _ = try protect(snapshot.id, handle)
        case .unpinUnlessCloned(let snapshot):
            do throws(CephError) {
                try unprotect(snapshot.id, handle)
            } catch  where error.reason == .locked {
                // Its clones hold it.
                return
            }
        }
    }

    private func subject(of change: SourceChange) -> String {
        switch change {
        case .setMetadata: subject
        case .pin(let snapshot), .unpinUnlessCloned(let snapshot): describe(snapshot)
        }
    }
}

extension [SourceChange] {
    /// Snapshots that are to be pinned when all is done.
    fileprivate var finalPins: [SnapshotIdentity] {
        reduce(into: []) { pins, change in
            switch change {
            case .pin(let snapshot): pins.append(snapshot)
            case .unpinUnlessCloned(let snapshot): pins.removeAll { $0.id == snapshot.id }
            case .setMetadata: break
            }
        }
    }
}

extension SourceChange {
    /// How messages call it.
    fileprivate var operation: String {
        switch self {
        case .setMetadata(let entry): "set metadata \(entry.key) of"
        case .pin: "pin snapshot"
        case .unpinUnlessCloned: "unpin snapshot"
        }
    }
}
