import Conversation
public import FerryCore
public import FoundationEssentials
public import ImageStore
public import Pipeline
public import Planning
public import Threading

/// What a sync of images needs to know.
public struct SyncSettings: Sendable {
    /// The peer's name in our configuration; state about it is kept under this name.
    public var peer: String
    /// A snapshot to send instead of a new one.
    public var snapshot: String?
    /// How changed extents are found: by a list of changes, or by comparison.
    public var mode: DiffMode
    /// How the mirror is made equal when no snapshot is on both ends, `compare` or `full`; nil: the receiver refuses.
    public var lostBaseMode: DiffMode?
    /// The most block content, in bytes, that may have to be sent again after a cut.
    public var checkpointByteCount: UInt64
    /// How hard blocks are compressed.
    public var compression: CompressionPolicy
    /// How fast the source is read and blocks are sent.
    public var pacing: Pacing

    /// Settings; by default a new snapshot, a hybrid diff, 64 MiB, and no limits.
    public init(
        peer: String, snapshot: String? = nil, mode: DiffMode = .hybrid, lostBaseMode: DiffMode? = nil,
        checkpointByteCount: UInt64 = 64 << 20, compression: CompressionPolicy = .adaptive, pacing: Pacing = Pacing()
    ) {
        self.peer = peer
        self.snapshot = snapshot
        self.mode = mode
        self.lostBaseMode = lostBaseMode
        self.checkpointByteCount = checkpointByteCount
        self.compression = compression
        self.pacing = pacing
    }
}

/// One snapshot brought to the mirror, or found there.
public struct SyncStepResult: Sendable {
    /// The base; nil for a full copy or when nothing was sent.
    public var base: SnapshotIdentity?
    /// The snapshot that the mirror now holds.
    public var target: SnapshotIdentity
    /// Whether the mirror held it before.
    public var wasPublished: Bool
    /// The transfer's counts.
    public var counts: TransferMeter.Counts
    /// How long its stages took, at both ends where the receiver tells.
    public var times = StageTimes()
    /// How long it took, the snapshot that was made for it included.
    public var duration = Duration.zero
}

/// Brings one image's newest state to the mirror, over an open session.
///
/// Finishes a transfer that was cut before; when the image has changed since, another one follows.
public struct ImageSync: Sendable {
    let image: any SourceImage
    let name: String
    let session: SenderSession
    let settings: SyncSettings
    let workers: BlockingThreads
    let meter: TransferMeter
    let now: @Sendable () -> Date
    let makeSnapshot: SnapshotMaker
    /// Hears of each stretch that a comparison finds to differ, and that is sent; perhaps more than once.
    var onDifference: @Sendable (Extent) -> Void = { _ in }

    /// A sync of `image`, called `name` in its store. `workers` do the compression; `meter` counts; `makeSnapshot`
    /// makes the snapshot where a new one is wanted.
    public init(
        image: any SourceImage, name: String, session: SenderSession, settings: SyncSettings,
        workers: BlockingThreads, meter: TransferMeter, now: @escaping @Sendable () -> Date = { Date() },
        makeSnapshot: SnapshotMaker? = nil
    ) {
        self.image = image
        self.name = name
        self.session = session
        self.settings = settings
        self.workers = workers
        self.meter = meter
        self.now = now
        self.makeSnapshot = makeSnapshot ?? { try await OwnSnapshot.make(on: $0, quiesce: .required, now: now) }
    }

    /// Runs the sync. What it returns is published; what it throws left a state that the next sync goes on from.
    public func run() async throws -> [SyncStepResult] {
        try checkPeer()
        let record = try await readRecord()
        let snapshots = try await image.snapshots().map(\.identity)
        switch try SyncTarget.decide(requested: settings.snapshot, record: record, snapshots: snapshots) {
        case .named(let target):
            return [try await send(target, isOwn: false)]
        case .new:
            return [try await sendNew()]
        case .unfinished(let target, let isOwn):
            guard let first = try await finish(target, isOwn: isOwn, removes: true) else {
                return [try await sendNew()]
            }
            guard try await image.firstChange(since: target) != nil else { return [first] }
            return [first, try await sendNew()]
        }
    }

    /// Sends snapshots that are there, in this order. One that was begun before, and that the receiver will not have
    /// any more, is dropped when others follow.
    public func run(_ targets: [RunTarget]) async throws -> [SyncStepResult] {
        try checkPeer()
        var steps: [SyncStepResult] = []
        for (index, target) in targets.enumerated() {
            let wasBegun = try await readRecord().inFlight?.target == target.identity
            if wasBegun, index + 1 < targets.count {
                if let step = try await finish(target.identity, isOwn: target.isOwn, removes: false) {
                    steps.append(step)
                }
            } else {
                steps.append(try await send(target.identity, isOwn: target.isOwn))
            }
        }
        return steps
    }

    /// Sends what differs between a snapshot and the mirror's copy of it, both of which stay, and has the mirror publish the
    /// result as a new copy. The snapshot must be the newest that is published there. A repair that is cut is gone on with
    /// by the next one of the same snapshot.
    public func repair(_ snapshot: SnapshotIdentity) async throws -> SyncStepResult {
        try await send(snapshot, isOwn: false, isRepair: true)
    }

    /// Throws before anything is made or asked for when the peer can't do what the settings want.
    private func checkPeer() throws(EngineError) {
        guard settings.mode.usesChangeList || session.knowsProofs else { throw .peerTooOld }
    }

    /// Goes on with a transfer that was cut; nil when the receiver will not have it any more, and it was dropped. What
    /// retention looks after, and may be another peer's base, stays.
    private func finish(_ target: SnapshotIdentity, isOwn: Bool, removes: Bool) async throws -> SyncStepResult? {
        do {
            return try await send(target, isOwn: isOwn)
        } catch let refusal as OfferRefusal where refusal.disposition == .refused && isOwn {
            var record = try await readRecord()
            guard record.inFlight?.target == target else { throw refusal }
            record.inFlight = nil
            try await unpinAll(except: [], &record)
            try await image.setState(record, stateKey)
            if removes { try await image.removeSnapshot(target) }
            return nil
        }
    }

    var stateKey: String { ImageStateKey.peer(settings.peer) }

    func readRecord() async throws -> SenderRecord {
        try await image.state(SenderRecord.self, stateKey) ?? SenderRecord()
    }

    /// Makes a snapshot and sends it. One whose transfer does not begin is removed again.
    private func sendNew() async throws -> SyncStepResult {
        meter.update { $0.phase = .snapshotting }
        let target = try await meter.clock.time(.snapshot) { try await makeSnapshot(image) }
        do {
            return try await send(target, isOwn: true)
        } catch {
            // Unless the transfer was begun, nobody will ask for this snapshot again.
            let record = try await readRecord()
            let wasBegun = record.inFlight?.target == target || record.acknowledged == target
            if !wasBegun { try await image.removeSnapshot(target) }
            throw error
        }
    }

    /// Brings one snapshot to the mirror.
    ///
    /// Nothing is stored or pinned before the receiver has said yes: its yes means that it holds the mirror for us
    /// alone, so two syncs of one image can't get at each other's state.
    private func send(
        _ target: SnapshotIdentity, isOwn: Bool, isRepair: Bool = false
    ) async throws -> SyncStepResult {
        let began = ContinuousClock.now
        meter.update { $0 = TransferMeter.Counts(phase: .preparing) }
        var result = SyncStepResult(base: nil, target: target, wasPublished: true, counts: meter.counts)
        let offer = try await meter.clock.time(.prepare) { try await makeOffer(target, isRepair) }
        meter.update { $0.phase = .offering }
        let (outcome, early) = try await ask(offer)
        meter.update { $0.phase = .preparing }
        if case .send(let base, let watermark, let saved, let mode) = outcome {
            meter.update {
                $0.resumeOffset = watermark
                $0.watermark = watermark
                $0.savedContentByteCount = saved
            }
            let transfer = TransferIdentity(source: image.identity, base: base, target: target, mode: mode)
            let inFlight = SenderRecord.InFlight(
                target: target, isOwn: isOwn, lostBaseMode: mode == offer.mode ? nil : mode)
            let committed = try await transmit(transfer, inFlight, from: watermark, early)
            result.times = committed.stages ?? StageTimes()
            result.base = base
            result.wasPublished = false
        } else {
            await early?.delta.close()
        }
        try await meter.clock.time(.acknowledge) { try await acknowledge(target) }
        meter.update { $0.phase = .done }
        result.counts = meter.counts
        result.times.add(meter.clock.take())
        // A snapshot was made before, perhaps long before: other transfers may have had their turn since.
        result.duration = ContinuousClock.now - began + .seconds(result.times.seconds(.snapshot))
        return result
    }

    /// Offers, and opens the delta meanwhile.
    private func ask(_ offer: Offer) async throws -> (SenderSession.OfferOutcome, EarlyDelta?) {
        let early = Task { await meter.clock.time(.prepare) { await openEarly(offer) } }
        return try await withTaskCancellationHandler {
            do {
                let outcome = try await meter.clock.time(.offer) { try await session.offer(offer) }
                return (outcome, await early.value)
            } catch {
                early.cancel()
                await early.value?.delta.close()
                throw error
            }
        } onCancel: {
            early.cancel()
        }
    }

    private func makeOffer(_ target: SnapshotIdentity, _ isRepair: Bool) async throws -> Offer {
        let snapshots = try await image.snapshots()
        guard let snapshot = snapshots.first(where: { $0.identity == target }) else {
            throw EngineError.snapshotGone(target, image: name)
        }
        let older = snapshots.filter { $0.identity.id < target.id }.map(\.identity).reversed()
        return Offer(
            image: name, source: image.identity, byteCount: snapshot.byteCount, layout: OfferedLayout(image.layout),
            snapshots: Offer.listed(older), target: target, mode: isRepair ? .compare : settings.mode,
            checkpointByteCount: settings.checkpointByteCount, purpose: isRepair ? .repair : nil,
            lostBaseMode: isRepair ? nil : try await lostBaseMode(target))
    }

    /// What is offered for a lost base: what the settings say, or what a transfer began with that is gone on with. A receiver
    /// that knows of none refuses by itself if the base is lost.
    private func lostBaseMode(_ target: SnapshotIdentity) async throws -> DiffMode? {
        guard session.knowsProofs else { return nil }
        let inFlight = try await readRecord().inFlight
        return settings.lostBaseMode ?? (inFlight?.target == target ? inFlight?.lostBaseMode : nil)
    }

    /// Stores that the peer has the target, and only then lets go of the base.
    func acknowledge(_ target: SnapshotIdentity) async throws {
        var record = try await readRecord()
        if target.id > record.acknowledged?.id ?? 0 { record.acknowledged = target }
        record.heardAtSeconds = Int64(now().timeIntervalSince1970)
        record.noteSuccess()
        // Another sync of this image may have begun since the receiver let go of the mirror: state and pins are its.
        let isOurs = record.inFlight == nil || record.inFlight?.target == target
        if isOurs { record.inFlight = nil }
        var changes = [try SourceChange.setState(record, stateKey)]
        if isOurs { changes += try unpins(except: [], &record) }
        try await image.carryOut(changes)
    }

    /// Takes away the pins that we noted, apart from some.
    func unpinAll(except kept: [SnapshotIdentity], _ record: inout SenderRecord) async throws {
        try await image.carryOut(try unpins(except: kept, &record))
    }

    /// What takes away the pins that we noted, apart from some, and then the notes.
    private func unpins(
        except kept: [SnapshotIdentity], _ record: inout SenderRecord
    ) throws -> [SourceChange] {
        let pins = record.pins.filter { !kept.contains($0) }
        guard !pins.isEmpty else { return [] }
        record.pins.removeAll { pins.contains($0) }
        return try pins.map { .unpinUnlessCloned($0) } + [.setState(record, stateKey)]
    }
}
