public import FerryCore

/// Where a damage to an image went wrong.
public struct MemoryDamage: Sendable {
    /// Ids of the snapshots that changed, and where each did.
    public fileprivate(set) var snapshots: [(id: UInt64, extent: Extent)] = []
    /// Where the head changed; nil: nowhere.
    public fileprivate(set) var head: Extent?
}

extension MemoryStore {
    /// Changes bytes of a snapshot as a bad disk, or an operator's mistake, would, and tells nobody. Of `extent` that is what
    /// lies in one granule and below the end; each byte becomes another one.
    ///
    /// With `spreads`, snapshots beside it that share what is stored there change with it, like those of a cluster. The head
    /// does with the snapshot `newest`, so that the two stay equal where they were.
    public func damage(
        _ image: ImageIdentity, snapshotID: UInt64, newest: UInt64, at extent: Extent, spreads: Bool
    ) -> MemoryDamage {
        state.withLock { state in
            guard var found = state.images.removeValue(forKey: image.image) else { return MemoryDamage() }
            defer { state.images[image.image] = found }
            guard let index = found.snapshots.firstIndex(where: { $0.identity.id == snapshotID }) else {
                return MemoryDamage()
            }
            return found.damage(
                spreads ? found.sharing(index, at: extent.offset) : index..<index + 1, newest: newest,
                stored: found.snapshots[index].contents, at: extent)
        }
    }

    /// Leaves changes of a stretch out of all lists of changes of an image from now on, as faults of Ceph have; nil: of none.
    /// What a comparison or a read of the image finds stays right.
    public func hideChanges(of image: ImageIdentity, in extent: Extent?) {
        state.withLock { $0.images[image.image]?.hiddenChanges = extent }
    }
}

extension MemoryImageState {
    /// The snapshots around one that hold the same at an offset.
    fileprivate func sharing(_ index: Int, at offset: UInt64) -> Range<Int> {
        let stored = snapshots[index].contents
        func shares(_ other: Int) -> Bool { snapshots[other].contents.holds(theSameAs: stored, at: offset) }
        var range = index..<index + 1
        while range.lowerBound > 0, shares(range.lowerBound - 1) { range = range.lowerBound - 1..<range.upperBound }
        while range.upperBound < snapshots.count, shares(range.upperBound) {
            range = range.lowerBound..<range.upperBound + 1
        }
        return range
    }

    fileprivate mutating func damage(
        _ range: Range<Int>, newest: UInt64, stored: SparseBytes, at extent: Extent
    ) -> MemoryDamage {
        var damage = MemoryDamage()
        for index in range {
            let before = snapshots[index].contents
            guard let changed = snapshots[index].contents.flip(extent) else { continue }
            snapshots[index].undamaged = snapshots[index].undamaged ?? before
            damage.snapshots.append((snapshots[index].identity.id, changed))
        }
        guard damage.snapshots.contains(where: { $0.id == newest }) else { return damage }
        if head.holds(theSameAs: stored, at: extent.offset) { damage.head = head.flip(extent) }
        if durableHead.holds(theSameAs: stored, at: extent.offset) { _ = durableHead.flip(extent) }
        return damage
    }
}
