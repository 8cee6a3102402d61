import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Planning

/// What both sites have held, and whether what must always hold did.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
final class History: @unchecked Sendable {
    /// A snapshot of an image, whatever both are called.
    struct Key: Hashable {
        let image: ImageIdentity
        let snapshotID: UInt64
    }
    /// A snapshot that the mirror's record says is published.
    struct Published {
        let source: Key
        /// What it held when it was recorded.
        let original: SparseBytes
        /// What it holds, with what the world damaged since.
        var contents: SparseBytes

        init(source: Key, contents: SparseBytes) {
            (self.source, original, self.contents) = (source, contents, contents)
        }
    }

    /// The first thing that was wrong; nil as long as nothing is.
    private(set) var violation: String?
    /// Snapshots published so far.
    private(set) var publishedCount = 0
    /// Transfers that went on where an earlier connection stopped.
    var resumedCount = 0
    /// Whether the receiver removes old snapshots.
    var mirrorKeeps = false
    /// Images whose head somebody else resized since its last transfer began.
    var resizedHeads: Set<ImageIdentity> = []
    /// Snapshots of the mirror that the world deleted.
    var deletedByWorld: Set<Key> = []
    /// Whether the connection loses blocks: their place in the checkpoint can't be told before the totals.
    var losesBlocks = false
    private var removedByRetention: Set<Key> = []
    private var madeByReceiver: Set<Key> = []
    private(set) var sourceContents: [Key: SparseBytes] = [:]
    var published: [Key: Published] = [:]
    /// The mirror's snapshot that was published last as a snapshot of the source.
    private(set) var latest: [Key: Key] = [:]
    private(set) var checkpoints: [ImageIdentity: Checkpoint] = [:]
    /// Ids of the snapshots that the last repairs of mirrors made.
    private var repairedIDs: [ImageIdentity: UInt64] = [:]
    private let source: MemoryStore
    let mirror: MemoryStore

    // What the world damaged, and what is wrong because of it: see History+Damage.
    var damages: [Key: Damage] = [:]
    var headDamages: [ImageIdentity: Damage] = [:]
    var hidden: Extent?
    /// What was hidden at any time: a connection that is replayed brings a list of then.
    var everHidden = Damage()
    var hasReplayed = false
    var damageCount = 0

    // What is known about proofs: see History+Proofs.
    var alarms: [ImageIdentity: ProofAlarm] = [:]
    /// Operators that end alarms now, and until when the word of one that was cut may.
    var clearsUnderWay = 0
    var clearsUntil = Duration.seconds(-1)
    /// Alarms that began and ended, proofs that found a difference, and repairs.
    var raisedCount = 0
    var endedCount = 0
    var foundCount = 0
    var repairedCount = 0

    init(source: MemoryStore, mirror: MemoryStore) {
        self.source = source
        self.mirror = mirror
    }

    /// Notes that something was wrong.
    func fail(_ text: String) {
        Trace.shared.note("WRONG: \(text)")
        if violation == nil { violation = text }
    }

    /// Begins to look at what is done to both stores.
    func observe() {
        source.setObserver { [unowned self] image, change in
            switch change {
            case .snapshotMade(let snapshot): noteMade(snapshot, of: image)
            case .metadataSet(let key, let value) where ImageStateKey.peerName(of: key) != nil:
                checkSenderRecord(value, of: image)
            case .metadataSet(let key, let value) where ImageStateKey.isProofOfPeer(key):
                checkProofRecord(value, of: image)
            case .snapshotRemoved(let snapshot) where !SnapshotName.isOwn(snapshot.name):
                fail("the sender removed \(snapshot), which it did not make")
            case .metadataSet, .metadataRemoved, .snapshotRemoved: break
            }
        }
        mirror.setObserver { [unowned self] image, change in
            switch change {
            case .metadataSet(ImageStateKey.mirror, let value): checkMirrorRecord(value, of: image)
            case .metadataSet(ImageStateKey.checkpoint, let value): checkCheckpoint(value, of: image)
            case .metadataSet(ImageStateKey.proof, let value): checkProofRecord(value, of: image)
            case .metadataRemoved(ImageStateKey.checkpoint): checkpoints[image] = nil
            case .snapshotRemoved(let snapshot): checkRemoved(snapshot, of: image)
            case .snapshotMade(let snapshot) where SimulatedProcess.current != nil:
                madeByReceiver.insert(Key(image: image, snapshotID: snapshot.id))
            case .metadataSet, .metadataRemoved, .snapshotMade: break
            }
        }
    }

    private func noteMade(_ snapshot: SnapshotIdentity, of image: ImageIdentity) {
        sourceContents[Key(image: image, snapshotID: snapshot.id)] = source.look(at: image)?.contents(of: snapshot)
        Trace.shared.note("source \(snapshot) of \(image.image) is made")
    }

    // MARK: The mirror's record

    private func checkMirrorRecord(_ text: String, of image: ImageIdentity) {
        guard let record = decode(MirrorRecord.self, text), let view = mirror.look(at: image) else { return }
        for pair in record.published {
            let key = Key(image: image, snapshotID: pair.mirror.id)
            let source = Key(image: record.source, snapshotID: pair.source.id)
            guard published[key] == nil else { continue }
            guard let contents = view.contents(of: pair.mirror) else {
                // It was made, and deleted before the record could be written.
                if deletedByWorld.contains(key), let contents = sourceContents[source] {
                    published[key] = Published(source: source, contents: contents)
                    latest[source] = key
                }
                continue
            }
            checkPublished(pair, contents, source, key)
            headDamages[image] = nil
            let isRepair = view.snapshots.contains { snapshot in
                published[Key(image: image, snapshotID: snapshot.identity.id)]?.source == source
            }
            if isRepair { repairedIDs[image] = key.snapshotID }
            published[key] = Published(source: source, contents: contents)
            latest[source] = key
            publishedCount += 1
        }
        let listed = Set(record.published.map(\.mirror.id))
        for snapshot in view.snapshots where !listed.contains(snapshot.identity.id) {
            guard published[Key(image: image, snapshotID: snapshot.identity.id)] != nil else { continue }
            fail("the mirror's record lost \(snapshot.identity), which is published and there")
        }
    }

    private func checkPublished(_ pair: PublishedSnapshot, _ contents: SparseBytes, _ source: Key, _ key: Key) {
        Trace.shared.note("published \(pair.source) as \(pair.mirror)")
        guard let expected = sourceContents[source] else {
            return fail("published \(pair.source), which the source never had")
        }
        guard contents.byteCount == expected.byteCount else {
            return fail("published \(pair.source) has \(contents.byteCount) bytes, not \(expected.byteCount)")
        }
        guard !contents.reads(as: expected) else { return }
        let differing = contents.differing(from: expected)
        var allowed = headDamages[key.image] ?? Damage()
        allowed.formUnion(damage(of: key))
        guard allowed.covers(differing) else { return fail("published \(pair.source) does not equal the source's") }
        Trace.shared.note("it is wrong at \(differing)")
        damages[key] = Damage(differing)
    }

    /// The newest of a mirror's snapshots that the receiver made and that are there.
    func newestMade(in image: ImageIdentity) -> UInt64? {
        let ids = mirror.look(at: image)?.snapshots.map(\.identity.id) ?? []
        return ids.last { madeByReceiver.contains(Key(image: image, snapshotID: $0)) }
    }

    private func checkRemoved(_ snapshot: SnapshotIdentity, of image: ImageIdentity) {
        let key = Key(image: image, snapshotID: snapshot.id)
        guard published[key] != nil else {
            // One that it made, and that did not turn out to be the target.
            if !madeByReceiver.contains(key) { fail("the receiver removed \(snapshot), which it did not make") }
            return
        }
        guard mirrorKeeps else { return fail("the receiver removed \(snapshot), and keeps all") }
        let newest = published.keys.filter { $0.image == image }.map(\.snapshotID).max()
        if newest == snapshot.id { fail("the receiver removed \(snapshot), the newest that it published") }
        removedByRetention.insert(key)
    }

    // MARK: The mirror's checkpoint

    private func checkCheckpoint(_ text: String, of image: ImageIdentity) {
        guard let next = decode(Checkpoint.self, text), let view = mirror.look(at: image) else { return }
        let last = checkpoints.updateValue(next, forKey: image)
        Trace.shared.note("checkpoint \(next.phase) \(next.transfer.target) at \(next.resumePoint.watermark)")
        guard next.phase != .preparing else {
            resizedHeads.remove(image)
            headDamages[image] = nil
            return
        }
        // What is found by comparison without a base, or sent as a whole, is right on any head.
        let isAnew = next.transfer.base == nil && !next.transfer.mode.usesChangeList && next.resumePoint == .start
        let goesOn = last.map { $0.phase != .preparing && $0.transfer == next.transfer } ?? false
        if isAnew, !goesOn { beginHead(image, on: nil, usesChangeList: false) }
        if let last, last.phase != .preparing, !isAnew {
            guard last.transfer == next.transfer else {
                return fail("\(next.transfer.target) goes on top of a part of \(last.transfer.target)")
            }
            guard last.resumePoint.watermark <= next.resumePoint.watermark else {
                return fail("the watermark fell from \(last.resumePoint.watermark) to \(next.resumePoint.watermark)")
            }
        } else {
            checkBeginning(next, view, image)
        }
        checkDurable(next, view, image)
    }

    /// A transfer begins on its base, and on nothing else.
    private func checkBeginning(_ checkpoint: Checkpoint, _ view: MemoryView, _ image: ImageIdentity) {
        let transfer = checkpoint.transfer
        guard checkpoint.resumePoint.watermark == 0 else {
            return fail("\(transfer.target) begins at \(checkpoint.resumePoint.watermark)")
        }
        guard let base = transfer.base else {
            // What is found by comparison, or sent as a whole, is right on any head.
            guard transfer.mode.usesChangeList else { return }
            beginHead(image, on: nil, usesChangeList: true)
            if !view.head.reads(as: SparseBytes(byteCount: 0)) { fail("a first copy begins on a head with data") }
            return
        }
        let source = Key(image: transfer.source, snapshotID: base.id)
        guard let contents = sourceContents[source] else {
            return fail("\(transfer.target) is applied on \(base), which the source never had")
        }
        let mirror = newestPublished(of: source, in: image)
        if let mirror, let repaired = repairedIDs[image], mirror.snapshotID < repaired {
            fail("\(transfer.target) is applied on \(base), which is from before a repair")
        }
        let mayBeWrong = beginHead(image, on: mirror, usesChangeList: transfer.mode.usesChangeList)
        guard !resizedHeads.contains(image) else { return }
        guard view.head.byteCount == contents.byteCount,
            view.head.reads(as: contents) || mayBeWrong.covers(view.head.differing(from: contents))
        else { return fail("\(transfer.target) is applied on a head that is not \(base)") }
    }

    /// What is below the watermark survives a loss of power.
    private func checkDurable(_ checkpoint: Checkpoint, _ view: MemoryView, _ image: ImageIdentity) {
        let transfer = checkpoint.transfer
        let used = [transfer.base, transfer.target].compactMap(\.self)
        // Of what is deleted while it is read, nonsense is sent, and never published.
        guard let present = source.look(at: transfer.source)?.snapshots.map(\.identity),
            used.allSatisfy(present.contains), !losesBlocks, !resizedHeads.contains(image),
            let target = sourceContents[Key(image: transfer.source, snapshotID: transfer.target.id)]
        else { return }
        let end = checkpoint.phase == .publishing ? .max : checkpoint.resumePoint.watermark
        if !view.durableHead.reads(as: target, below: end),
            !isExplained(view.durableHead.differing(from: target, below: end), inHeadOf: image)
        {
            fail("\(transfer.target): what is durable below \(end) is not what the source has")
        }
    }

    // MARK: The sender's record

    private func checkSenderRecord(_ text: String, of image: ImageIdentity) {
        guard let record = decode(SenderRecord.self, text), let acknowledged = record.acknowledged else { return }
        let key = Key(image: image, snapshotID: acknowledged.id)
        guard latest[key] != nil else {
            return fail("the sender takes \(acknowledged) for published, and it is not")
        }
        guard let expected = sourceContents[key], isPublished(key, as: expected)
        else { return fail("the sender takes \(acknowledged) for published, and the mirror has something else") }
    }

    func decode<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
        let value = try? JSONDecoder().decode(type, from: Data(text.utf8))
        if value == nil { fail("a state can't be read: \(text)") }
        return value
    }

    // MARK: At any time

    /// Whether all that was published is there, and as it was.
    func checkPublishedStays() {
        for (key, entry) in published {
            guard let view = mirror.look(at: key.image) else { continue }
            let snapshot = SnapshotIdentity(id: key.snapshotID, name: "")
            guard let contents = view.contents(of: snapshot) else {
                if !deletedByWorld.contains(key), !removedByRetention.contains(key) {
                    fail("published snapshot \(key.snapshotID) is gone")
                }
                continue
            }
            if contents.byteCount != entry.contents.byteCount || !contents.reads(as: entry.contents) {
                fail("published snapshot \(key.snapshotID) has changed")
            }
        }
    }

    /// Whether what the mirror has, or had, as a snapshot of the source reads so, apart from what may be wrong.
    func isPublished(_ source: Key, as expected: SparseBytes, mayBeDamaged: Bool = true) -> Bool {
        guard let key = latest[source], let contents = published[key]?.contents,
            contents.byteCount == expected.byteCount
        else { return false }
        let allowed = mayBeDamaged ? damage(of: key) : Damage()
        return contents.reads(as: expected) || allowed.covers(contents.differing(from: expected))
    }
}
