import Conversation
import Engine
import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Pipeline
import Planning
import Synchronization
import TestSupport
import Testing
import Threading

private let workers = BlockingThreads(count: 2)

/// What the receivers of a test tell.
final class ReceiverEvents: Sendable {
    private let records = Mutex<[ProofRecord]>([])

    /// The records of proofs that they told of.
    var proven: [ProofRecord] { records.withLock { $0 } }

    @Sendable func note(_ event: ReceiverEvent) {
        if case .proven(_, _, let record) = event { records.withLock { $0.append(record) } }
    }
}

/// One proof between two sites, as a test wants it.
struct TestProof: Sendable {
    var settings = ProofSettings(peer: "b", seed: 1)
    var senderByteCountMax = UInt64.max
    var receiverByteCountMax = UInt64.max
    var senderVersions = Hello.supportedVersions
    var receiverVersions = Hello.supportedVersions
    var events = ReceiverEvents()
    var meter = TransferMeter()
    /// Whether nothing of either store must be open afterwards.
    var isAlone = true
    /// Of both ends.
    var now: @Sendable () -> Date = { Date(timeIntervalSince1970: 1_800_000_000) }
}

extension TwoSites {
    /// Proves once. The connection is cut after so many bytes each way.
    @discardableResult
    func prove(_ proof: TestProof = TestProof()) async throws -> ProofReport {
        try await run(proof) { try await $0.run() }
    }

    func prove(_ change: (inout TestProof) -> Void) async throws -> ProofReport {
        var proof = TestProof()
        change(&proof)
        return try await prove(proof)
    }

    func run<Result: Sendable>(
        _ proof: TestProof, _ body: @escaping @Sendable (ImageProof) async throws -> Result
    ) async throws -> Result {
        let (here, there) = MemoryLink.pair(
            senderIdentities: identities, senderByteCountMax: proof.senderByteCountMax,
            receiverByteCountMax: proof.receiverByteCountMax)
        let environment = ReceiverEnvironment(
            store: mirror,
            policy: ClientPolicy(
                rules: [.init(identity: "sender", images: [ImagePattern(images)], prefix: "", keep: keep)]),
            claims: claims, hello: Hello(agentVersion: "test", site: "b", versions: proof.receiverVersions),
            limits: limits, workers: workers, logger: Self.quietLogger, observe: proof.events.note, now: proof.now)
        async let receiver: Void = ReceiverSession.run(over: there, environment: environment)
        let image = try await source.openSource(image)
        let (name, limits) = (self.image, limits)
        let result: Swift.Result<Result, any Error>
        do {
            let outcome = try await SenderSession.run(
                over: here, hello: Hello(agentVersion: "test", site: "a", versions: proof.senderVersions),
                limits: limits
            ) { session in
                try await body(
                    ImageProof(
                        image: image, name: name, session: session, settings: proof.settings, workers: workers,
                        meter: proof.meter, now: proof.now))
            }
            result = .success(outcome)
        } catch {
            result = .failure(error)
        }
        await image.close()
        await receiver
        if proof.isAlone {
            #expect(source.openDeltaCount == 0 && mirror.openDeltaCount == 0)
            #expect(mirror.openHandleCount(of: self.image) == 0)
        }
        return try result.get()
    }

    /// What is kept about proofs with the source.
    func sourceProofs() async throws -> ProofRecord {
        let opened = try await source.openSource(image)
        let record = try await opened.state(ProofRecord.self, ImageStateKey.proof("b"))
        await opened.close()
        return record ?? ProofRecord()
    }

    /// What is kept about proofs with the mirror.
    func mirrorProofs() async throws -> ProofRecord {
        let opened = try await mirror.openSource(image)
        let record = try await opened.state(ProofRecord.self, ImageStateKey.proof)
        await opened.close()
        return record ?? ProofRecord()
    }

    /// Damages the mirror's newest snapshot of that name.
    func damage(_ offset: UInt64, of snapshot: String) {
        for byteCount in [2, 1] {
            let bytes: ArraySlice<UInt8> = [0xA5, 0x5A].prefix(byteCount)
            if mirror.corruptSnapshot(snapshot, of: image, at: offset, with: Array(bytes)) { return }
        }
    }
}

/// A source and its mirror with one snapshot on both, of so many MiB and a few bytes, with some bytes in every grain.
func provenSites(
    mebibytes: Int = 20, seed: UInt64 = 1, keep: Retention = .all
) async throws -> (sites: TwoSites, name: String) {
    var sites = TwoSites()
    sites.keep = keep
    var generator = SeededGenerator(seed: seed)
    let byteCount = UInt64(mebibytes) << 20 + 777
    sites.source.addImage("vm", contents: [])
    sites.source.resizeHead(of: "vm", to: byteCount)
    for offset in stride(from: 0, to: byteCount, by: Int(Limits.digestGrainByteCountMin)) {
        sites.source.overwrite("vm", at: offset, with: generator.bytes(16))
    }
    let step = try #require(try await sites.sync().last)
    return (sites, step.target.name)
}
