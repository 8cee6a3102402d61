import AgentConfiguration
import Conversation
import Engine
import FerryCore
import Foundation
import ImageStore
import Pipeline
import Planning
import SecureTransport

/// One run of a lane: lease, snapshot, transfer, acknowledgement, pruning.
struct LaneRun: Sendable {
    let image: String
    let peer: SenderConfiguration.Peer
    let settings: ImageSettings
    let environment: RunEnvironment
    /// Transfers at once: one is taken for as long as a connection is open.
    let slots: ByteBudget
    let checkpointByteCount: UInt64
    let compression: CompressionPolicy
    let baseSecondsMax: Int64
    let meter: TransferMeter

    /// What came of it.
    struct Outcome: Sendable {
        /// What was published, in order; empty when everything was there.
        var steps: [SyncStepResult] = []
        /// Whether the source as it was during the run was snapshotted, for this peer or another.
        var madeSnapshot = false
        /// What retention did; nil when it could not.
        var pruning: SourcePruning.Result?
        /// Why it could not.
        var pruningError: (any Error)?
        /// The newest snapshot that the peer has acknowledged.
        var published: RetainedSnapshot?
    }

    /// Goes once. Snapshots that nobody needs are removed even if nothing could be sent.
    func run(_ wish: LaneWish) async throws -> Outcome {
        meter.update { $0.phase = .opening }
        // A run to another peer may hold the image up for long, and is watched itself.
        let onWait: @Sendable (Bool) -> Void = { waits in meter.update { $0.phase = waits ? .waiting : .opening } }
        return try await LeasedImage.with(image, settings: settings, environment: environment, onWait: onWait) {
            leased in
            var outcome = Outcome()
            let sending: Result<[SyncStepResult], any Error>
            do {
                meter.update { $0.phase = .snapshotting }
                outcome.madeSnapshot = try await meter.clock.time(.snapshot) {
                    try await leased.takeSnapshotIfNeeded(wish)
                }
                sending = .success(try await send(leased))
            } catch {
                sending = .failure(error)
            }
            meter.update { $0.phase = .pruning }
            do {
                outcome.pruning = try await leased.prune(baseSecondsMax: baseSecondsMax)
            } catch {
                outcome.pruningError = error
            }
            outcome.steps = try sending.get()
            outcome.published = try await acknowledged(leased)
            return outcome
        }
    }

    private func send(_ leased: LeasedImage) async throws -> [SyncStepResult] {
        guard try await !leased.wanted(for: peer.name).isEmpty else { return [] }
        meter.update { $0.phase = .waiting }
        try await slots.take(1)
        defer { slots.give(1) }
        // Others may have made and removed snapshots while this run waited.
        let targets = try await leased.wanted(for: peer.name)
        guard !targets.isEmpty else { return [] }
        meter.update { $0.phase = .connecting }
        let link = try await SecureConnector.connect(
            to: peer.address, serverName: peer.serverName, context: environment.contexts.current,
            connectTimeout: .seconds(10), handshakeTimeout: .seconds(10))
        let hello = Hello(agentVersion: AgentVersion.current, site: environment.site)
        return try await SenderSession.run(over: link, hello: hello, limits: environment.limits) { session in
            try await ImageSync(
                image: leased.image, name: image, session: session,
                settings: SyncSettings(
                    peer: peer.name, mode: settings.mode, lostBaseMode: settings.onLostBase.mode,
                    checkpointByteCount: checkpointByteCount, compression: compression,
                    pacing: environment.throttles.pacing(to: peer.name)),
                workers: environment.workers, meter: meter, now: environment.now
            ).run(targets)
        }
    }

    private func acknowledged(_ leased: LeasedImage) async throws -> RetainedSnapshot? {
        let record = try await leased.image.state(SenderRecord.self, ImageStateKey.peer(peer.name))
        return try await leased.image.snapshots().first { $0.identity == record?.acknowledged }?.retained
    }
}
