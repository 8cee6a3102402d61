import AgentConfiguration
import Engine
import FerryCore
import Foundation
import ImageStore
import Pipeline
import Planning

/// One run of a lane: lease, snapshot, transfer, acknowledgement, pruning.
struct LaneRun: Sendable {
    let image: String
    let peer: SenderConfiguration.Peer
    let settings: ImageSettings
    let environment: RunEnvironment
    /// Transfers at once: one is taken for as long as a connection is open.
    let slots: ByteBudget
    let numbers: LaneAgent.Numbers
    let meter: TransferMeter

    /// What retention did, or why it could not.
    typealias Pruning = Result<SourcePruning.Result, any Error>

    /// Thrown by a run that failed with the image's lease held: retention had its turn all the same.
    struct Failed: Error {
        /// Why it failed.
        var underlying: any Error
        /// What retention did, or why it could not.
        var pruning: Pruning
        /// Since when runs to the peer fail; nil when this one says nothing about the peer.
        var failingSince: Date?
    }

    /// What came of it.
    struct Outcome: Sendable {
        /// What was published, in order; empty when everything was there.
        var steps: [SyncStepResult] = []
        /// Whether the source as it was during the run was snapshotted, for this peer or another.
        var madeSnapshot = false
        /// What retention did, or why it could not.
        var pruning = Pruning.success(SourcePruning.Result())
        /// The newest snapshot that the peer has acknowledged.
        var published: RetainedSnapshot?
        /// What operators should know about the changes that were listed; nil when none were.
        var diffWarnings: [DiffWarning]?
        /// What the proof after it showed, or why there was none; nil when none was wanted.
        var proof: Result<ProofReport, any Error>?
        /// What is known about whether the mirror equals the image.
        var proofs = ProofRecord()
    }

    /// Goes once. Snapshots that nobody needs are removed even if nothing could be sent.
    func run(_ wish: LaneWish) async throws -> Outcome {
        meter.update { $0.phase = .opening }
        // A run to another peer may hold the image up for long, and is watched itself.
        let onWait: @Sendable (Bool) -> Void = { waits in meter.update { $0.phase = waits ? .waiting : .opening } }
        return try await LeasedImage.with(image, settings: settings, environment: environment, onWait: onWait) {
            leased in
            var outcome = Outcome()
            do {
                meter.update { $0.phase = .snapshotting }
                outcome.madeSnapshot = try await meter.clock.time(.snapshot) {
                    try await leased.takeSnapshotIfNeeded(wish)
                }
                let sent = try await send(leased)
                (outcome.steps, outcome.diffWarnings, outcome.proof) = (sent.steps, sent.diffWarnings, sent.proof)
            } catch {
                let failingSince = await leased.noteRunEnd(to: peer.name, error: error)
                throw Failed(underlying: error, pruning: await prune(leased), failingSince: failingSince)
            }
            await leased.noteRunEnd(to: peer.name)
            outcome.pruning = await prune(leased)
            outcome.published = try await acknowledged(leased)
            outcome.proofs = try await leased.image.proofs(at: peer.name)
            return outcome
        }
    }

    private func prune(_ leased: LeasedImage) async -> Pruning {
        meter.update { $0.phase = .pruning }
        do {
            return .success(try await leased.prune(baseSecondsMax: numbers.baseSecondsMax))
        } catch {
            return .failure(error)
        }
    }

    /// What went over the connection.
    private struct Sent: Sendable {
        var steps: [SyncStepResult] = []
        var diffWarnings: [DiffWarning]?
        var proof: Result<ProofReport, any Error>?
    }

    private func send(_ leased: LeasedImage) async throws -> Sent {
        guard try await !leased.wanted(for: peer.name).isEmpty else { return Sent() }
        meter.update { $0.phase = .waiting }
        try await slots.take(1)
        defer { slots.give(1) }
        // Others may have made and removed snapshots while this run waited.
        let targets = try await leased.wanted(for: peer.name)
        guard !targets.isEmpty else { return Sent() }
        meter.update { $0.phase = .preparing }
        let warnings = try await leased.diffWarnings(for: peer.name)
        meter.update { $0.phase = .connecting }
        let link = try await environment.connect(to: peer)
        return try await SenderSession.run(over: link, hello: environment.hello, limits: environment.limits) {
            session in
            let steps = try await ImageSync(
                image: leased.image, name: image, session: session,
                settings: SyncSettings(
                    peer: peer.name, mode: settings.mode, lostBaseMode: settings.onLostBase.mode,
                    checkpointByteCount: numbers.checkpointByteCount, compression: numbers.compression,
                    pacing: environment.throttles.pacing(to: peer.name)),
                workers: environment.workers, meter: meter, now: environment.now
            ).run(targets)
            return Sent(steps: steps, diffWarnings: warnings, proof: await proof(after: steps, leased, session))
        }
    }

    /// Proves what changed, if the rule says so and something was published. The sync is done, whatever becomes of this.
    private func proof(
        after steps: [SyncStepResult], _ leased: LeasedImage, _ session: SenderSession
    ) async -> Result<ProofReport, any Error>? {
        guard settings.verify.afterSync == .changed, steps.contains(where: { !$0.wasPublished }) else { return nil }
        // Until the next run is due: what is left then is gone on with after that.
        let now = environment.now()
        let pause = settings.schedule?.next(after: now)?.timeIntervalSince(now)
        let proof = ImageProof(
            image: leased.image, name: image, session: session,
            settings: ProofSettings(
                peer: peer.name, scope: .changed(samplePercent: settings.verify.sample.value),
                timeMax: pause.map { .seconds(max($0, ProofClock.sliceSecondsMin)) },
                checkpointByteCount: numbers.checkpointByteCount, compression: numbers.compression,
                pacing: environment.throttles.pacing(to: peer.name)),
            workers: environment.workers, meter: meter, now: environment.now)
        do {
            return .success(try await proof.run())
        } catch {
            return .failure(error)
        }
    }

    private func acknowledged(_ leased: LeasedImage) async throws -> RetainedSnapshot? {
        let record = try await leased.image.state(SenderRecord.self, ImageStateKey.peer(peer.name))
        return try await leased.image.snapshots().first { $0.identity == record?.acknowledged }?.retained
    }
}

extension SourceImage {
    /// What is known about whether its mirror at a peer equals it.
    func proofs(at peer: String) async throws -> ProofRecord {
        try await state(ProofRecord.self, ImageStateKey.proof(peer)) ?? ProofRecord()
    }
}
