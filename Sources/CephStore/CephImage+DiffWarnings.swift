import FerryCore
import ImageStore

extension CephImage {
    func diffWarnings(mode: DiffMode, since base: SnapshotIdentity?) async throws(StoreError) -> [DiffWarning] {
        guard mode.usesChangeList else { return [] }
        var warnings = CephRelease.ofLibraries.map { LibraryFault.warnings(for: $0, mode: mode) } ?? []
        guard mode == .hybrid else { return warnings }
        let places = try await perform("look at the object maps of") { () throws(CephError) in
            try self.afresh { image throws(CephError) in try image.invalidObjectMaps(since: base?.id) }
        }
        if !places.isEmpty { warnings.append(.objectMapInvalid(at: places)) }
        return warnings
    }
}

extension RBDHandle {
    /// Where the object map is marked invalid, of the head and the snapshots that a list of changes from `baseID` on
    /// takes in; nowhere when the image has none. Moves the handle, which therefore must be the caller's alone.
    func invalidObjectMaps(since baseID: UInt64?) throws(CephError) -> [String] {
        guard try features().isSuperset(of: [.objectMap, .fastDiff]) else { return [] }
        var places = try hasValidObjectMap() ? [] : ["head"]
        for snapshot in try userSnapshots() where snapshot.identity.id >= baseID ?? 0 {
            try setSnapshot(snapshot.identity.id)
            if try !hasValidObjectMap() { places.append(snapshot.identity.name) }
        }
        return places
    }
}
