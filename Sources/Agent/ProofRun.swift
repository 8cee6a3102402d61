public import AgentConfiguration
public import Engine
import Foundation
public import ImageStore
public import Logging
public import Planning

/// What came of the proof of one image's mirror at one peer; nil when only an alarm was ended.
public typealias ProofOutcome = PassOutcome<ProofReport?>

/// One pass over images: the mirror of each at each peer is proven once, several at a time. It takes no lease: syncs go
/// on beside it.
public struct ProofRun: Sendable {
    /// What is asked for.
    public struct Request: Sendable {
        /// Snapshots by image, for those of which not the newest is meant.
        public var snapshots: [String: String] = [:]
        /// How much is compared.
        public var scope: ProofScope
        /// Each proof ends after this and can go on later; nil: at its end.
        public var timeMax: Duration?
        /// Whether what differs is mended by a new snapshot.
        public var repairs = false
        /// Whether proofs that were cut begin anew.
        public var startsAnew = false
        /// Whether nothing is compared and alarms are ended.
        public var clearsAlarm = false

        /// A request for a proof of this much.
        public init(scope: ProofScope) { self.scope = scope }
    }
    private let pass: ImagePass<ProofReport?>

    /// A pass with this configuration; `parallelCount` images go at once.
    public init(
        configuration: SenderConfiguration, store: any ImageStore, request: Request, parallelCount: Int,
        logger: Logger, limits: SessionLimits = SessionLimits()
    ) throws {
        let environment = try RunEnvironment(configuration, store: store, logger: logger, limits: limits)
        let end = request.timeMax.map { ContinuousClock.now + $0 }
        pass = ImagePass(configuration: configuration, environment: environment, parallelCount: parallelCount) {
            name, session, peer, meter in
            // What the images before it have left of the time.
            let timeMax = end.map { max($0 - .now, .zero) }
            let settings = ProofSettings(
                peer: peer.name, snapshot: request.snapshots[name], scope: request.scope, timeMax: timeMax,
                repairs: request.repairs, startsAnew: request.startsAnew,
                checkpointByteCount: configuration.checkpointByteCount, compression: configuration.compression,
                pacing: environment.throttles.pacing(to: peer.name))
            return try await environment.withSource(name) { image in
                let proof = ImageProof(
                    image: image, name: name, session: session, settings: settings, workers: environment.workers,
                    meter: meter, now: environment.now)
                guard request.clearsAlarm else { return try await proof.run() }
                try await proof.endAlarm()
                return nil
            }
        }
    }

    /// What is being done now.
    public var activities: [PassActivity] { pass.activities }

    /// Proves the images' mirrors, at those of the peers that each goes to. `report` hears of each as it ends.
    public func run(
        images: [String], peers: [SenderConfiguration.Peer], report: @escaping @Sendable (ProofOutcome) -> Void
    ) async -> [ProofOutcome] {
        await pass.run(images: images, peers: peers, report: report)
    }
}
