import AgentConfiguration
import Engine
import Foundation
import ImageStore
import Pipeline
import Planning

/// One slice of a lane's proof of every byte. It takes no lease: whoever syncs goes on.
struct LaneProof: Sendable {
    let image: String
    let peer: SenderConfiguration.Peer
    let environment: RunEnvironment
    /// Transfers at once, and how many of them may be proofs.
    let slots: ByteBudget
    let proofSlots: ByteBudget
    let numbers: LaneAgent.Numbers
    let meter: TransferMeter
    let timeMax: Duration

    /// What came of it.
    struct Outcome: Sendable {
        var report: ProofReport
        /// What is known now about whether the mirror equals the image.
        var proofs: ProofRecord
    }

    /// Goes once: begins a proof, or goes on with one.
    func run() async throws -> Outcome {
        meter.update { $0.phase = .waiting }
        try await proofSlots.take(1)
        defer { proofSlots.give(1) }
        try await slots.take(1)
        defer { slots.give(1) }
        meter.update { $0.phase = .opening }
        return try await environment.withSource(image) { source in
            meter.update { $0.phase = .connecting }
            let link = try await environment.connect(to: peer)
            let report = try await SenderSession.run(
                over: link, hello: environment.hello, limits: environment.limits
            ) { session in
                try await ImageProof(
                    image: source, name: image, session: session,
                    settings: ProofSettings(
                        peer: peer.name, scope: .full, timeMax: timeMax,
                        checkpointByteCount: numbers.checkpointByteCount, compression: numbers.compression,
                        pacing: environment.throttles.pacing(to: peer.name)),
                    workers: environment.workers, meter: meter, now: environment.now
                ).run()
            }
            return Outcome(report: report, proofs: try await source.proofs(at: peer.name))
        }
    }
}
