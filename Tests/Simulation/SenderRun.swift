import Conversation
import Engine
import FerryCore
import ImageStore
import Pipeline
import Planning
import Threading

/// One run of a sender: opens the image, connects, syncs, and removes what retention has no use for.
struct SenderRun {
    /// What a run does.
    enum Kind {
        /// What `sync now` does, for a snapshot or the image as it is now.
        case sync(snapshot: String?)
        /// What an agent does when a run is due.
        case scheduled
        /// What `verify` does.
        case proof(ProofSettings)
        /// What `verify --clear-alarm` does.
        case clear

        /// Whether the image is leased for it. The product leases none for a repair: what a sync may do to its notes then is
        /// left to seeds without leases.
        var isLeased: Bool {
            switch self {
            case .sync, .scheduled: true
            case .proof(let settings): settings.repairs
            case .clear: false
            }
        }
    }

    let world: World
    let process: SimulatedProcess
    var kind = Kind.sync(snapshot: nil)
    var link = LinkPlan()
    var mode = DiffMode.hybrid
    var lostBaseMode: DiffMode?
    var versions = Hello.supportedVersions

    /// Runs it. What it throws is what a user would be told.
    func run() async throws -> [SyncStepResult] {
        let image = try await world.source.openSource(world.imageName)
        do {
            let lease = world.settings.isLeased && kind.isLeased ? try await lease(image) : nil
            let result: Result<[SyncStepResult], any Error>
            do {
                switch kind {
                case .sync(let snapshot): result = .success(try await connect(image, snapshot) { try await $0.run() })
                case .scheduled: result = .success(try await runScheduled(image))
                case .proof(let settings):
                    try await prove(image, settings)
                    result = .success([])
                case .clear:
                    try await clear(image)
                    result = .success([])
                }
            } catch {
                result = .failure(error)
            }
            if process.isAlive { await lease?.release() }
            await image.close()
            return try result.get()
        } catch {
            await image.close()
            throw error
        }
    }

    /// Takes the lease for as long as the process lives, and a while longer.
    private func lease(_ image: any SourceImage) async throws -> any ImageLease {
        let lease = try await image.lease(holder: process.name, duration: .seconds(86_400))
        process.onCrash {
            VirtualExecutor.shared.schedule(after: .seconds(20)) { Task { await lease.release() } }
        }
        return lease
    }

    private func runScheduled(_ image: any SourceImage) async throws -> [SyncStepResult] {
        let now = { @Sendable in world.now(at: .source) }
        let targets = RunTargets(selection: .all, catchUp: .retention, keep: world.settings.sourceKeep)
        let result: Result<[SyncStepResult], any Error>
        do {
            _ = try await OwnSnapshot.make(on: image, quiesce: .skip, now: now)
            let record = try await image.state(SenderRecord.self, ImageStateKey.peer("b")) ?? SenderRecord()
            let wanted = targets.decide(
                snapshots: try await image.snapshots().map(\.retained), record: record, now: now())
            result = .success(wanted.isEmpty ? [] : try await connect(image) { try await $0.run(wanted) })
        } catch {
            result = .failure(error)
        }
        let failed = if case .failure = result { true } else { false }
        // What is in the way of that is not how the run ended.
        _ = try? await image.noteRunEnd(to: "b", failed: failed, now: now())
        _ = try await SourcePruning(
            image: image, keep: world.settings.sourceKeep, peers: ["b"], baseSecondsMax: 30 * 86_400, now: now()
        ).run()
        return try result.get()
    }

    private func connect(
        _ image: any SourceImage, _ snapshot: String? = nil,
        _ body: @escaping @Sendable (ImageSync) async throws -> [SyncStepResult]
    ) async throws -> [SyncStepResult] {
        let settings = world.settings
        let throttles = settings.byteRate.map { [Throttle(rate: $0)] } ?? []
        let meter = TransferMeter()
        process.window = (meter, settings.checkpointByteCount)
        let sync = SyncSettings(
            peer: "b", snapshot: snapshot, mode: mode, lostBaseMode: lostBaseMode,
            checkpointByteCount: settings.checkpointByteCount,
            compression: settings.compression,
            pacing: Pacing(sending: throttles, reading: throttles, memory: world.memory))
        let name = world.imageName
        let steps = try await SenderSession.run(
            over: world.connect(process, link), hello: Hello(agentVersion: "test", site: "a", versions: versions),
            limits: settings.limits
        ) { session in
            try await body(
                ImageSync(
                    image: image, name: name, session: session, settings: sync, workers: .inline, meter: meter,
                    now: { world.now(at: .source) }))
        }
        for step in steps {
            let target = History.Key(image: image.identity, snapshotID: step.target.id)
            world.lastTarget = target
            guard world.history.latest[target] == nil else { continue }
            world.history.fail("a run says that \(step.target) is published, and it is not")
        }
        return steps
    }
}
