public import AgentConfiguration
public import Engine
import FerryCore
public import ImageStore
public import Logging
import Planning

/// What came of one image's sync to one peer: what was published, in order.
public typealias ImageOutcome = PassOutcome<[SyncStepResult]>

/// One pass over images: each is synced once to each peer, several at a time.
public struct SyncRun: Sendable {
    private let pass: ImagePass<[SyncStepResult]>

    /// A pass with this configuration. `snapshot` names one to send instead of a new one; with `reconciles` both ends are
    /// compared where no snapshot is common, whatever the rules say; `parallelCount` images go at once.
    public init(
        configuration: SenderConfiguration, store: any ImageStore, snapshot: String?, reconciles: Bool = false,
        parallelCount: Int, logger: Logger, limits: SessionLimits = SessionLimits()
    ) throws {
        let environment = try RunEnvironment(configuration, store: store, logger: logger, limits: limits)
        let sync = OneSync(
            configuration: configuration, environment: environment, snapshot: snapshot, reconciles: reconciles)
        pass = ImagePass(
            configuration: configuration, environment: environment, parallelCount: parallelCount,
            onFailure: { await sync.noteFailure($0, $1, $2) }
        ) {
            try await sync.run($0, $1, $2, $3)
        }
    }

    /// What is being done now.
    public var activities: [PassActivity] { pass.activities }

    /// Syncs the images, each to those of the peers that it goes to. `report` hears of each as it ends.
    public func run(
        images: [String], peers: [SenderConfiguration.Peer], report: @escaping @Sendable (ImageOutcome) -> Void
    ) async -> [ImageOutcome] {
        await pass.run(images: images, peers: peers, report: report)
    }
}

/// One image's sync to one peer.
private struct OneSync: Sendable {
    let configuration: SenderConfiguration
    let environment: RunEnvironment
    let snapshot: String?
    let reconciles: Bool
    let began = ContinuousClock.now

    func run(
        _ name: String, _ session: SenderSession, _ peer: SenderConfiguration.Peer, _ meter: TransferMeter
    ) async throws -> [SyncStepResult] {
        let settings = configuration.settings(for: name)
        return try await LeasedImage.with(name, settings: settings, environment: environment) { leased in
            for warning in try await leased.diffWarnings(for: peer.name) {
                environment.logger.warning("\(name): \(warning)")
            }
            let steps = try await send(leased, session, peer, meter)
            await leased.noteRunEnd(to: peer.name)
            try await pruneAfterwards(leased)
            return steps
        }
    }

    /// Notes with the image that it could not be sent, also where that was known before it was opened. It is leased only
    /// where that is news.
    func noteFailure(_ name: String, _ peer: String, _ error: any Error) async {
        guard !Task.isCancelled, error.isVainTry else { return }
        do {
            var record = try await environment.withSource(name) {
                try await $0.state(SenderRecord.self, ImageStateKey.peer(peer))
            }
            guard record?.noteFailure(now: environment.now()) == true else { return }
            let settings = configuration.settings(for: name)
            try await LeasedImage.with(name, settings: settings, environment: environment) {
                _ = await $0.noteRunEnd(to: peer, error: error)
            }
        } catch {
            // Another agent that has it finds out by itself, and of what is in the source's way its next run will tell.
            environment.logger.log(
                level: error.isVainTry ? .warning : .debug,
                "\(name): how the run to \(peer) ended can't be noted: \(error.oneLine)")
        }
    }

    /// Sends a snapshot that was named, or what the image's rule says: without a peer that answers none is made.
    private func send(
        _ leased: LeasedImage, _ session: SenderSession, _ peer: SenderConfiguration.Peer, _ meter: TransferMeter
    ) async throws -> [SyncStepResult] {
        let sync = ImageSync(
            image: leased.image, name: leased.name, session: session,
            settings: SyncSettings(
                peer: peer.name, snapshot: snapshot, mode: leased.settings.mode,
                lostBaseMode: reconciles ? .compare : leased.settings.onLostBase.mode,
                checkpointByteCount: configuration.checkpointByteCount, compression: configuration.compression,
                pacing: environment.throttles.pacing(to: peer.name)),
            workers: environment.workers, meter: meter, now: environment.now,
            makeSnapshot: { try await leased.snapshots.make(on: $0) })
        guard snapshot == nil, leased.settings.snapshots != .own else { return try await sync.run() }
        _ = try await meter.clock.time(.snapshot) { try await leased.takeSnapshotIfNeeded(.asked(began)) }
        return try await sync.run(try await leased.wanted(for: peer.name))
    }

    private func pruneAfterwards(_ leased: LeasedImage) async throws {
        do {
            let result = try await leased.prune(baseSecondsMax: configuration.holdBaseMax.seconds)
            guard !result.removed.isEmpty else { return }
            environment.logger.debug("removed \(result.removed.count) snapshots of \(leased.name)")
        } catch let error as StoreError {
            // The mirror is as it should be.
            environment.logger.warning("old snapshots of \(leased.name) stay: \(error.oneLine)")
        }
    }
}

/// The agent's release.
public enum AgentVersion {
    /// As `rbd-ferry --version` prints it.
    public static let current = "0.1.0"
}
