import Conversation
import FerryCore
import ImageStore
import Planning

/// A mirror that is locked, prepared and ready for a delta.
struct PreparedMirror: Sendable {
    let image: any MirrorImage
    let record: MirrorRecord
    let transfer: TransferIdentity
    let start: ResumePoint
    /// Size of the base, in bytes; nil for a full copy.
    let baseByteCount: UInt64?
    /// Whether the target is published, and made anew.
    let isRepair: Bool
}

/// What came of an offer, on the receiver's side.
enum PreparationOutcome: Sendable {
    case ready(PreparedMirror)
    /// The target is there already, as this pair; nil when only the record of it is gone.
    case published(PublishedSnapshot?)
}

/// Carries out what `ReceivePlan` decides about an offer.
struct MirrorPreparation {
    let store: any ImageStore
    let mirrorName: String
    let offer: Offer
    /// Whether the client may have an image that others made and filled for this mirror.
    var maySeed = false

    private var isRepair: Bool { offer.purpose == .repair }

    private var wanted: WantedTransfer {
        WantedTransfer(
            source: offer.source, snapshots: offer.snapshots, target: offer.target, mode: offer.mode,
            lostBaseMode: offer.lostBaseMode, maySeed: maySeed, isRepair: isRepair)
    }

    /// Opens or makes the mirror, locks it, and brings its head where the transfer begins. On an error, and when
    /// there is nothing to do, the image is closed.
    func run() async throws -> PreparationOutcome {
        guard let image = try await store.openMirror(mirrorName) else {
            if isRepair { throw PlanConflict.notPublished(target: offer.target) }
            return .ready(try await create())
        }
        do {
            try await image.lock()
            let outcome = try await prepare(image)
            if case .published = outcome { await image.close() }
            return outcome
        } catch {
            await image.close()
            throw error
        }
    }

    private func create() async throws -> PreparedMirror {
        let layout = ImageLayout(
            objectOrder: offer.layout.objectOrder, stripeUnitByteCount: offer.layout.stripeUnitByteCount,
            stripeCount: offer.layout.stripeCount)
        let image = try await store.createMirror(
            mirrorName, byteCount: offer.byteCount, layout: layout.isValid ? layout : .standard)
        do {
            try await image.lock()
            return try await startFresh(image)
        } catch {
            await image.close()
            throw error
        }
    }

    /// The first record on a new mirror; from here on it is ours.
    private func startFresh(_ image: any MirrorImage) async throws -> PreparedMirror {
        let record = MirrorRecord(source: offer.source, sourceName: offer.image)
        try await image.setState(record, ImageStateKey.mirror)
        let transfer = TransferIdentity(source: offer.source, base: nil, target: offer.target, mode: offer.mode)
        return try await begin(image, record, transfer)
    }

    private func prepare(_ image: any MirrorImage) async throws -> PreparationOutcome {
        while true {
            let state = MirrorState(
                record: try await image.state(MirrorRecord.self, ImageStateKey.mirror),
                checkpoint: try await image.state(Checkpoint.self, ImageStateKey.checkpoint),
                snapshots: try await image.snapshots().map(\.identity))
            switch ReceivePlan.decide(wanted, mirror: state) {
            case .create: preconditionFailure("the image is there")
            case .adoptIfEmpty:
                guard try await image.firstChange(since: nil) == nil else { throw PlanConflict.foreignImage }
                return .ready(try await startFresh(image))
            case .takeOver:
                let record = MirrorRecord(source: offer.source, sourceName: offer.image, isSeeded: true)
                try await image.setState(record, ImageStateKey.mirror)
            case .published:
                return .published(state.record?.pair(ofSource: offer.target.id))
            case .refuse(let conflict): throw conflict
            case .finishPublication(let pair):
                try await finishPublication(pair, state, image)
                // Planned again, a repair would be made once more.
                if isRepair, pair.source.id == offer.target.id { return .published(pair) }
            case .apply(let transfer, let start, let preparation):
                guard let record = state.record else { preconditionFailure("a plan to apply needs a record") }
                if preparation == .resume {
                    let base = try await baseByteCount(image, record, transfer)
                    guard try await canResume(image, start, base) else {
                        try await image.distrustHead(for: transfer)
                        continue
                    }
                    return .ready(
                        PreparedMirror(
                            image: image, record: record, transfer: transfer, start: start, baseByteCount: base,
                            isRepair: isRepair))
                }
                try await prepareHead(image, preparation, transfer)
                return .ready(try await begin(image, record, transfer))
            }
        }
    }

    /// Whether the head still has the size that the transfer gave it: what a shrink cut off would stay lost.
    private func canResume(
        _ image: any MirrorImage, _ start: ResumePoint, _ baseByteCount: UInt64?
    ) async throws -> Bool {
        let byteCount = try await image.headByteCount()
        // Before the first block is durable, the head may not have its new size yet.
        return byteCount == offer.byteCount || start.watermark == 0 && byteCount == baseByteCount ?? byteCount
    }

    /// Size of the mirror's snapshot that is a transfer's base; nil for a full copy.
    private func baseByteCount(
        _ image: any MirrorImage, _ record: MirrorRecord, _ transfer: TransferIdentity
    ) async throws -> UInt64? {
        guard let base = transfer.base else { return nil }
        let mirror = record.pair(ofSource: base.id)?.mirror
        return try await image.snapshots().first { $0.identity == mirror }?.byteCount
    }

    private func finishPublication(
        _ pair: PublishedSnapshot, _ state: MirrorState, _ image: any MirrorImage
    ) async throws {
        guard var record = state.record else { preconditionFailure("a publication needs a record") }
        // A snapshot that does not equal the head is not the one that we were about to make; one of another size is of a
        // head that somebody had just resized.
        let found = try await image.snapshots().first { $0.identity == pair.mirror }?.byteCount
        let hasOtherSize = state.checkpoint?.snapshotByteCount.map { $0 != found } ?? false
        let differs = try await image.firstChange(since: pair.mirror) != nil
        if hasOtherSize || differs {
            throw PlanConflict.nameTaken(target: pair.source, holder: pair.mirror)
        }
        try await record.publish(pair, on: image)
    }

    private func prepareHead(
        _ image: any MirrorImage, _ preparation: HeadPreparation, _ transfer: TransferIdentity
    ) async throws {
        switch preparation {
        case .resume, .keep: return
        case .expectClean(let since):
            try await expectClean(image, since)
        case .rollBack(let snapshot):
            try await rollBack(image, to: snapshot, transfer)
        case .expectCleanThenRollBack(let since, let snapshot):
            try await expectClean(image, since)
            try await rollBack(image, to: snapshot, transfer)
        case .wipe:
            try await image.distrustHead(for: transfer)
            try await image.wipe()
        }
    }

    private func expectClean(_ image: any MirrorImage, _ since: SnapshotIdentity?) async throws {
        if let change = try await image.firstChange(since: since) {
            throw PlanConflict.foreignWrite(since: since, first: change)
        }
    }

    private func rollBack(
        _ image: any MirrorImage, to snapshot: SnapshotIdentity, _ transfer: TransferIdentity
    ) async throws {
        try await image.distrustHead(for: transfer)
        // Nothing may have been applied yet, and a roll back goes through the whole image.
        guard try await image.firstChange(since: snapshot) != nil else { return }
        try await image.rollBack(to: snapshot)
    }

    /// Stores the checkpoint that explains what is written from now on.
    private func begin(
        _ image: any MirrorImage, _ record: MirrorRecord, _ transfer: TransferIdentity
    ) async throws -> PreparedMirror {
        try await image.flush()
        try await image.setState(
            Checkpoint(transfer: transfer, resumePoint: .start, phase: .applying), ImageStateKey.checkpoint)
        return PreparedMirror(
            image: image, record: record, transfer: transfer, start: .start,
            baseByteCount: try await baseByteCount(image, record, transfer), isRepair: isRepair)
    }
}

extension MirrorRecord {
    /// Bytes of names that are kept with pairs; the whole record stays well below what a store reads back.
    private static let nameByteCountMax = 256 << 10
    /// Pairs kept; more than a mirror can reasonably hold in snapshots.
    private static let publishedCountMax = 512

    /// Records that a pair is published, then drops the checkpoint that led to it.
    mutating func publish(_ pair: PublishedSnapshot, on image: any MirrorImage) async throws {
        let present = Set(try await image.snapshots().map(\.identity))
        published.removeAll { !present.contains($0.mirror) || $0.mirror == pair.mirror }
        if published.contains(where: { $0.source.id == pair.source.id }) { repairedID = pair.mirror.id }
        published.append(pair)
        let ids = Set(present.map(\.id))
        ownIDs = Set((ownIDs ?? []) + published.map(\.mirror.id)).intersection(ids).sorted()
        published = published.suffix(Self.publishedCountMax)
        while published.count > 1, nameByteCount > Self.nameByteCountMax { published.removeFirst() }
        try await image.setState(self, ImageStateKey.mirror)
        try await image.removeMetadata(ImageStateKey.checkpoint)
    }

    private var nameByteCount: Int {
        published.reduce(0) { $0 + $1.source.name.utf8.count + $1.mirror.name.utf8.count }
    }
}
