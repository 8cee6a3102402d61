import Conversation
import FerryCore
import ImageStore
import MemoryStore
import NIOCore
import Pipeline
import Planning
import TestSupport
import Testing
import Threading

@testable import Engine

@Suite("What clients take of a receiver", .timeLimit(.minutes(1)))
struct ClientUsageTests {
    private let store = MemoryStore(cluster: "mirror")

    private func rule(_ quota: ClientQuota, identity: String = "a", prefix: String = "") -> ClientPolicy.Rule {
        ClientPolicy.Rule(identity: identity, images: [ImagePattern("*")], prefix: prefix, quota: quota)
    }

    private func offer(
        _ name: String, _ byteCount: UInt64, _ rule: ClientPolicy.Rule, _ usage: ClientUsage,
        others: [ClientPolicy.Rule] = [], isMade: Bool = true
    ) async throws {
        let claim = MirrorClaim(mirror: rule.prefix + name, sourceName: name, byteCount: byteCount, rule: rule)
        try await usage.reserving(claim, by: ClientPolicy(rules: [rule] + others), in: store) {
            if isMade, try await store.openMirror(claim.mirror) == nil {
                _ = try await store.createMirror(claim.mirror, byteCount: byteCount, layout: .standard)
            }
        }
    }

    @Test("mirrors are counted when they are made, not when they are offered again")
    func images() async throws {
        let usage = ClientUsage()
        let rule = rule(ClientQuota(imageCountMax: 2))
        for name in ["x", "y", "x", "y"] { try await offer(name, 100, rule, usage) }
        await #expect(throws: QuotaError.tooManyImages(client: "a", count: 3, limit: 2)) {
            try await offer("z", 100, rule, usage)
        }
        #expect(usage.amount(of: "a", by: ClientPolicy(rules: [rule])) == .init(imageCount: 2, byteCount: 200))
    }

    @Test("sizes are summed up; what does not grow is never too much, even when the quota has shrunk")
    func bytes() async throws {
        let usage = ClientUsage()
        let wide = rule(ClientQuota(byteCountMax: 300))
        try await offer("x", 100, wide, usage)
        try await offer("y", 200, wide, usage)
        await #expect(throws: QuotaError.tooManyBytes(client: "a", byteCount: 301, limit: 300)) {
            try await offer("x", 101, wide, usage)
        }
        let narrow = rule(ClientQuota(byteCountMax: 10))
        try await offer("x", 100, narrow, usage)
        try await offer("y", 50, narrow, usage)
        usage.settle(MirrorClaim(mirror: "y", sourceName: "y", byteCount: 50, rule: narrow))
        #expect(usage.amount(of: "a", by: ClientPolicy(rules: [narrow])).byteCount == 150)
    }

    @Test("sums of the largest numbers do not overflow")
    func largeSums() async throws {
        let usage = ClientUsage()
        let rule = rule(ClientQuota(byteCountMax: .max - 1))
        usage.found("x", source: "x", byteCount: .max)
        await #expect(throws: QuotaError.tooManyBytes(client: "a", byteCount: .max, limit: .max - 1)) {
            try await offer("y", .max, rule, usage, isMade: false)
        }
    }

    @Test("a mirror that is not made does not count")
    func notMade() async throws {
        struct Trouble: Error {}
        let usage = ClientUsage()
        let rule = rule(ClientQuota(imageCountMax: 1))
        let claim = MirrorClaim(mirror: "x", sourceName: "x", byteCount: 1, rule: rule)
        await #expect(throws: Trouble.self) {
            try await usage.reserving(claim, by: ClientPolicy(rules: [rule]), in: store) { throw Trouble() }
        }
        try await offer("y", 100, rule, usage)
    }

    @Test("a mirror that was made before the trouble counts, one that someone else made does not")
    func made() async throws {
        struct Trouble: Error {}
        let usage = ClientUsage()
        let policy = ClientPolicy(rules: [rule(ClientQuota())])
        _ = try await store.createMirror("x", byteCount: 5, layout: .standard)
        let claim = MirrorClaim(mirror: "x", sourceName: "x", byteCount: 5, rule: rule(ClientQuota()))
        await #expect(throws: PlanConflict.self) {
            try await usage.reserving(claim, by: policy, in: store) { throw PlanConflict.foreignImage }
        }
        #expect(usage.amount(of: "a", by: policy).imageCount == 0)
        await #expect(throws: Trouble.self) {
            try await usage.reserving(claim, by: policy, in: store) { throw Trouble() }
        }
        #expect(usage.amount(of: "a", by: policy).imageCount == 1)
    }

    @Test("a mirror that its owner removed makes room")
    func removed() async throws {
        let usage = ClientUsage()
        let rule = rule(ClientQuota(imageCountMax: 1))
        usage.found("gone", source: "gone", byteCount: 5)
        try await offer("y", 100, rule, usage)
        #expect(usage.amount(of: "a", by: ClientPolicy(rules: [rule])).imageCount == 1)
    }

    @Test("one client's mirrors are not another's")
    func clients() async throws {
        let usage = ClientUsage()
        let first = rule(ClientQuota(imageCountMax: 1), identity: "a", prefix: "a-")
        let second = rule(ClientQuota(imageCountMax: 1), identity: "b", prefix: "b-")
        try await offer("x", 1, first, usage, others: [second])
        try await offer("x", 1, second, usage, others: [first])
        await #expect(throws: QuotaError.self) { try await offer("y", 1, second, usage, others: [first]) }
    }

    @Test("an offer waits until the mirrors that were there are counted")
    func counting() async throws {
        let usage = ClientUsage(isCounted: false)
        let rule = rule(ClientQuota(imageCountMax: 1))
        let waiting = Task { try await offer("y", 1, rule, usage) }
        _ = try await store.createMirror("x", byteCount: 5, layout: .standard)
        usage.found("x", source: "x", byteCount: 5)
        let cancelled = Task { try await offer("z", 1, rule, usage) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        usage.countedAll()
        await #expect(throws: QuotaError.tooManyImages(client: "a", count: 2, limit: 1)) { try await waiting.value }
        try await offer("x", 5, self.rule(ClientQuota()), ClientUsage(isCounted: false))
    }

    @Test("connections are counted for each client")
    func connections() throws {
        let usage = ClientUsage()
        let bounded = rule(ClientQuota(connectionCountMax: 1))
        try usage.enter(bounded)
        #expect(throws: QuotaError.tooManyConnections(client: "a", limit: 1)) { try usage.enter(bounded) }
        try usage.enter(rule(ClientQuota(), identity: "b"))
        usage.leave(bounded)
        try usage.enter(bounded)
    }
}

@Suite("A client that only keeps its connection alive", .timeLimit(.minutes(1)))
struct BlockDeadlineTests {
    @Test("loses its transfer, with a checkpoint of what came before")
    func blockMax() async throws {
        var sites = TwoSites()
        var generator = SeededGenerator(seed: 5)
        sites.source.addImage("vm", contents: generator.bytes(3 << 20))
        sites.limits = SessionLimits(blockMax: .milliseconds(300))
        // A sender that may send next to nothing stays alive and brings no whole block.
        sites.pacing = Pacing(sending: [Throttle(rate: 64 << 10)])
        let error = await #expect(throws: PeerFault.self) { try await sites.sync() }
        #expect(error?.cause.contains("the sender's next block took longer than 0 s") == true)
    }

    @Test("or says nothing after its handshake, is let go")
    func greetingMax() async throws {
        let sites = TwoSites()
        let (client, server) = MemoryLink.pair(senderIdentities: ["sender"])
        let environment = ReceiverEnvironment(
            store: sites.mirror,
            policy: ClientPolicy(rules: [.init(identity: "sender", images: [ImagePattern("*")], prefix: "")]),
            hello: Hello(agentVersion: "test", site: "b"),
            limits: SessionLimits(keepAliveInterval: .milliseconds(20), greetingMax: .milliseconds(100)),
            workers: BlockingThreads(count: 1), logger: TwoSites.quietLogger)
        // It keeps the connection alive, and that is all.
        try await client.write(ByteBuffer(bytes: WireDecoder.banner + ControlRecord.keepAlive.wireRecord.encoded))
        await ReceiverSession.run(over: server, environment: environment)
        #expect(environment.usage.amount(of: "sender", by: environment.policy).connectionCount == 0)
    }
}
