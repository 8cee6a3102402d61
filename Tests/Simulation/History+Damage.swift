import FerryCore
import ImageStore
import MemoryStore

/// What the world damages, and how far that is carried on: what may differ from the source, and nothing else may.
extension History {
    /// What may be wrong of a mirror's snapshot.
    func damage(of key: Key) -> Damage { damages[key] ?? Damage() }

    /// Whether something of a mirror that the world damaged is there.
    func isDamaged(_ image: ImageIdentity) -> Bool {
        damages.contains { $0.key.image == image && !$0.value.isEmpty }
    }

    /// Damages a mirror. What was published must have been as it was until then.
    func damage(_ image: ImageIdentity, _ body: () -> MemoryDamage) {
        checkPublishedStays()
        let done = body()
        guard let view = mirror.look(at: image), !done.snapshots.isEmpty else { return }
        damageCount += 1
        for (id, extent) in done.snapshots {
            let key = Key(image: image, snapshotID: id)
            damages[key, default: Damage()].add(extent)
            guard let contents = view.contents(of: SnapshotIdentity(id: id, name: "")) else { continue }
            published[key]?.contents = contents
            Trace.shared.note("damaged snapshot \(id) at \(extent)")
        }
        guard let extent = done.head else { return }
        headDamages[image, default: Damage()].add(extent)
        Trace.shared.note("damaged the head at \(extent)")
    }

    /// The source's lists leave something out from now on; nil: nothing any more.
    func hideChanges(in extent: Extent?) {
        hidden = extent
        guard let extent else { return }
        everHidden.add(extent)
        // Transfers that have begun may not have listed it yet.
        for image in checkpoints.keys { headDamages[image, default: Damage()].add(extent) }
    }

    /// Notes that a transfer begins on the head of a mirror, prepared from a published snapshot or from nothing, and what may
    /// be wrong once it is applied; what may be now.
    @discardableResult
    func beginHead(_ image: ImageIdentity, on base: Key?, usesChangeList: Bool) -> Damage {
        // The head may have been damaged since it was prepared.
        var damage = headDamages[image] ?? Damage()
        if let base { damage.formUnion(self.damage(of: base)) }
        var left = damage
        if let hidden { left.add(hidden) }
        if hasReplayed { left.formUnion(everHidden) }
        // What is found by comparison, or sent as a whole, mends what was wrong.
        headDamages[image] = usesChangeList ? left : nil
        return damage
    }

    /// Whether what differs may: the rest is a fault.
    func isExplained(_ differing: [Extent], inHeadOf image: ImageIdentity) -> Bool {
        (headDamages[image] ?? Damage()).covers(differing)
    }

    /// What was published last in a mirror as a snapshot of the source.
    func newestPublished(of source: Key, in image: ImageIdentity) -> Key? {
        let keys = published.filter { $0.key.image == image && $0.value.source == source }.keys
        return keys.max { $0.snapshotID < $1.snapshotID }
    }
}
