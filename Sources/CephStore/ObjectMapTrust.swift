extension RBDHandle {
    /// Whether the object map tells all that changed between two snapshots of this image (base nil: from nothing;
    /// target nil: to the head). Moves the handle, which therefore must be the caller's alone.
    ///
    /// librbd falls back by itself when an object map is marked invalid, but then lists whole objects slowly; and
    /// of what a clone shows of its parent the object map knows nothing.
    func canTrustObjectMap(from baseID: UInt64?, to targetID: UInt64?) throws(CephError) -> Bool {
        guard try features().isSuperset(of: [.objectMap, .fastDiff]) else { return false }
        let between = try allSnapshots().map(\.snapshot.identity.id)
            .filter { $0 >= baseID ?? 0 && $0 <= targetID ?? .max }
        // Full copies need the target's map only, but for a base of nil librbd reads those before it, too.
        let moments: [UInt64?] = targetID == nil ? between + [nil] : between
        var overlaps: [UInt64] = []
        for moment in moments {
            try setSnapshot(moment)
            guard try hasValidObjectMap() else { return false }
            if moment == baseID || moment == targetID { overlaps.append(try parentOverlapByteCount()) }
        }
        // A clone's first copy has its parent's bytes, and one that was shrunk may have lost some of them.
        return overlaps.allSatisfy { $0 == overlaps.first } && (baseID != nil || overlaps.allSatisfy { $0 == 0 })
    }
}
