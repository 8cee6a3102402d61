import FerryCore
public import ImageStore

/// One diff to be made of an image's history.
public struct DeltaStep: Equatable, Sendable {
    /// The snapshot it starts from; nil for a full diff.
    public let base: Snapshot?
    /// The snapshot it leads to; nil for the head.
    public let target: Snapshot?

    /// The diff of one named snapshot, or of the head, against an older one or against nothing.
    ///
    /// `snapshots` are the image's, oldest first.
    static func single(
        to target: String?, from base: String?, snapshots: [Snapshot], image: String
    ) throws(ExportError) -> [DeltaStep] {
        let target = try target.map { name throws(ExportError) in try find(name, snapshots, image) }
        let base = try base.map { name throws(ExportError) in try find(name, snapshots, image) }
        if let base, let target, base.identity.id >= target.identity.id {
            throw .baseNotOlder(base: base.identity, target: target.identity)
        }
        return [DeltaStep(base: base, target: target)]
    }

    /// Every snapshot against the one before it, up to a named one or else to the head.
    static func history(
        to target: String?, snapshots: [Snapshot], image: String
    ) throws(ExportError) -> [DeltaStep] {
        // Other exports made these to read the head, and remove them when they end.
        let lasting = snapshots.filter { snapshot in
            let name = snapshot.identity.name
            return !name.hasPrefix(HeldSource.temporaryPrefix) || target.map(name.hasSameBytes) ?? false
        }
        var targets: [Snapshot?] = lasting
        if let target {
            let last = try find(target, snapshots, image)
            targets = lasting.filter { $0.identity.id <= last.identity.id }
        } else {
            targets.append(nil)
        }
        return zip([nil] + targets, targets).map { DeltaStep(base: $0, target: $1) }
    }

    private static func find(_ name: String, _ snapshots: [Snapshot], _ image: String) throws(ExportError) -> Snapshot {
        guard let found = snapshots.last(where: { $0.identity.name.hasSameBytes(as: name) }) else {
            throw .noSnapshot(name, image: image, present: snapshots.map(\.identity.name))
        }
        return found
    }
}
