import Conversation
import Engine
import ImageStore
import Pipeline
import Planning
import TestSupport

extension SenderRun {
    /// What `verify` does, and what an agent does between its runs.
    func prove(_ image: any SourceImage, _ settings: ProofSettings) async throws {
        let start = world.history.beginProof()
        let report = try await overProof(of: image, settings) { try await $0.run() }
        world.provenCount += 1
        world.history.checkReport(report, settings, of: image.identity, since: start)
    }

    /// What `verify --clear-alarm` does.
    func clear(_ image: any SourceImage) async throws {
        world.history.clearsUnderWay += 1
        defer { world.history.clearsUnderWay -= 1 }
        do {
            try await overProof(of: image, ProofSettings(peer: "b")) { try await $0.endAlarm() }
        } catch {
            // The receiver may hear of it still.
            world.history.clearsUntil = VirtualExecutor.shared.now + .seconds(1000)
            throw error
        }
    }

    private func overProof<Result: Sendable>(
        of image: any SourceImage, _ settings: ProofSettings,
        _ body: @escaping @Sendable (ImageProof) async throws -> Result
    ) async throws -> Result {
        let meter = TransferMeter()
        process.window = (meter, settings.checkpointByteCount)
        let now = { @Sendable in world.now(at: .source) }
        let name = world.imageName
        return try await SenderSession.run(
            over: world.connect(process, link), hello: Hello(agentVersion: "test", site: "a", versions: versions),
            limits: world.settings.limits
        ) { session in
            try await body(
                ImageProof(
                    image: image, name: name, session: session, settings: settings, workers: .inline, meter: meter,
                    now: now))
        }
    }
}

extension World {
    /// Whether something of the mirror is, or was, wrong.
    var isDamaged: Bool { mirror.identity(of: mirrorName).map(history.isDamaged) ?? false }

    /// A proof as users and agents ask for them.
    func randomProof() -> ProofSettings {
        let scopes: [ProofScope] = [
            .full, .full, .changed(samplePercent: 10), .slice(1, of: 2), .slice(2, of: 2), .percent(50),
        ]
        var proof = proof(scopes.random(&generator))
        proof.repairs = generator.next() % (isDamaged ? 2 : 6) == 0
        proof.startsAnew = generator.next() % 4 == 0
        proof.timeMax = generator.next() % 8 == 0 ? .zero : nil
        proof.storingInterval = generator.next() % 2 == 0 ? .zero : .seconds(60)
        return proof
    }

    /// A proof of so much.
    func proof(_ scope: ProofScope) -> ProofSettings {
        ProofSettings(
            peer: "b", scope: scope, checkpointByteCount: settings.checkpointByteCount,
            compression: settings.compression, seed: generator.next() >> 11)
    }
}
