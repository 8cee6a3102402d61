import FerryCore
import ImageStore
import MemoryStore
import Planning

extension PlanConflict {
    /// What must have been done to the sites for a receiver to refuse so.
    var explanations: Set<Meddling> {
        switch self {
        case .foreignImage: [.mirrorRemade, .foreignWrite, .foreignSnapshot]
        case .otherSource: [.sourceRemade, .sourceMoved]
        case .foreignSnapshots: [.foreignSnapshot, .mirrorResized, .mirrorSnapshotDeleted, .mirrorRemade]
        case .nameTaken: [.foreignSnapshot, .mirrorResized, .sourceSnapshotRemade, .sourceSnapshotDeleted, .clockJump]
        case .lostBase:
            [
                .sourceSnapshotDeleted, .sourceSnapshotRemade, .sourceRemade, .mirrorSnapshotDeleted, .clockJump,
                .sourceMoved, .mirrorMoved,
            ]
        case .nothingPublished: [.mirrorSnapshotDeleted]
        case .foreignWrite: [.foreignWrite, .mirrorResized, .mirrorSnapshotDeleted]
        case .olderThanPublished: [.sourceSnapshotRemade, .sourceMoved]
        // What was to be repaired may be gone, or not the newest any more, whatever made it so.
        case .notPublished, .notNewest: Set(Meddling.allCases)
        }
    }
}

extension PlanConflict {
    /// Whether only the snapshot that was asked for can't be had.
    var isAboutTarget: Bool {
        switch self {
        case .olderThanPublished, .notPublished, .notNewest: true
        default: false
        }
    }
}

extension World {
    /// Does what the refusal told the user to do.
    func remedy(_ conflict: PlanConflict) async {
        note("remedy for: \(conflict.cause)")
        if meddling.isDisjoint(with: conflict.explanations) {
            history.fail("nothing explains the refusal: \(conflict.cause)")
        }
        switch conflict {
        case .nameTaken(_, let holder):
            // Another may have the name by now.
            guard let image = mirror.identity(of: mirrorName), let view = mirror.look(at: image),
                view.snapshots.contains(where: { $0.identity == holder })
            else { return }
            history.deletedByWorld.insert(History.Key(image: image, snapshotID: holder.id))
            meddling.insert(.mirrorSnapshotDeleted)
            mirror.deleteSnapshot(holder.name, of: mirrorName)
        case .foreignWrite(let since?, _):
            guard let image = (try? await mirror.openMirror(mirrorName)) ?? nil else { return }
            try? await image.rollBack(to: since)
            await image.close()
        case .lostBase where generator.next() % 2 == 0:
            reconcilesNext = true
        case .foreignImage, .otherSource, .foreignSnapshots, .lostBase, .nothingPublished, .foreignWrite(nil, _):
            moveMirrorAway()
        case .olderThanPublished, .notPublished, .notNewest: break
        }
    }
}
