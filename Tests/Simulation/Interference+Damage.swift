import FerryCore
import ImageStore
import MemoryStore
import TestSupport

/// What nobody is told of: data that goes wrong by itself, and lists of changes that leave something out.
extension World {
    /// Damages some bytes of a published snapshot, and of what shares them.
    func damageMirror() {
        guard let image = mirror.identity(of: mirrorName), let view = mirror.look(at: image),
            let newest = history.newestMade(in: image)
        else { return }
        let published = view.snapshots.filter { snapshot in
            history.published[History.Key(image: image, snapshotID: snapshot.identity.id)] != nil
        }
        guard let last = published.last else { return }
        let snapshot = generator.next() % 2 == 0 ? last : published.random(&generator)
        let spreads = generator.next() % 3 > 0
        for _ in 0...generator.next() % 3 where snapshot.byteCount > 0 {
            let extent = Extent(offset: generator.next() % snapshot.byteCount, byteCount: 1 + generator.next() % 3000)
            history.damage(image) {
                mirror.damage(
                    image, snapshotID: snapshot.identity.id, newest: newest, at: extent, spreads: spreads)
            }
        }
    }

    /// Has the source's lists leave out what changes in a stretch, until `showChanges`.
    func hideChanges() {
        // What was listed while another stretch was hidden may not have begun to be applied.
        guard showsChanges == nil, let image = source.identity(of: imageName), sourceByteCount > 0 else { return }
        let offset = generator.next() % sourceByteCount & ~4095
        let extent = Extent(offset: offset, byteCount: (1 + generator.next() % 4) << 12)
        source.hideChanges(of: image, in: extent)
        history.hideChanges(in: extent)
        showsChanges = { [source] in source.hideChanges(of: image, in: nil) }
    }

    /// The source's lists are whole again.
    func showChanges() {
        showsChanges?()
        showsChanges = nil
        history.hideChanges(in: nil)
    }
}
