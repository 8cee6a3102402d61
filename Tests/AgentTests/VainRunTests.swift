import AgentConfiguration
import Engine
import FerryCore
import Foundation
import ImageStore
import Logging
import MemoryStore
import Pipeline
import Planning
import Reporting
import TestCertificates
import Testing
import Threading

@testable import Agent

private let start = Date(timeIntervalSince1970: 1_800_000_000)

/// A moment so many days after the peer answered last.
private func day(_ number: Double) -> Date { start.addingTimeInterval(number * 86_400) }

@Suite("Runs to a peer that can't be reached", .timeLimit(.minutes(1)))
struct VainRunTests {
    private let store = MemoryStore()
    private let folder: CertificateFolder
    private let configuration: SenderConfiguration
    private let lines = KeptLines()
    private let base: SnapshotIdentity

    /// An image whose peer has its only snapshot, and does not listen any more.
    init() async throws {
        folder = try CertificateFolder()
        let text = """
            site: a
            store: {directory: {path: /images}}
            tls:
              authority: \(folder.file("ca.pem"))
              certificate: \(folder.file("sender.pem"))
              key: \(folder.file("sender.key"))
            peers: [{name: b, address: "127.0.0.1:1", server-name: receiver.site-b}]
            images: [{match: "*", keep: {last: 1}}]
            """
        try folder.write(text, to: "sender.yaml")
        configuration = try SenderConfiguration(file: folder.file("sender.yaml"))
        store.setClock { start }
        store.addImage("vm", contents: [1, 2, 3])
        let image = try await store.openSource("vm")
        base = try await image.createSnapshot(SnapshotName.own(at: start, taken: [])).identity
        await image.close()
        try await setRecord(SenderRecord(acknowledged: base, heardAtSeconds: Int64(start.timeIntervalSince1970)))
    }

    private func setRecord(_ record: SenderRecord) async throws {
        let image = try await store.openSource("vm")
        let text = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        try await image.setMetadata(ImageStateKey.peer("b"), to: text)
        await image.close()
    }

    /// What is stored about the peer.
    private func record(_ name: String = "vm") async throws -> SenderRecord? {
        let image = try await store.openSource(name)
        let record = try await image.state(SenderRecord.self, ImageStateKey.peer("b"))
        await image.close()
        return record
    }

    private var hasBase: Bool {
        get async throws {
            let image = try await store.openSource("vm")
            let snapshots = try await image.snapshots().map(\.identity)
            await image.close()
            return snapshots.contains(base)
        }
    }

    private func environment(_ now: Date) throws -> RunEnvironment {
        RunEnvironment(
            store: store, contexts: try ContextSource(configuration.tls, role: .client), leases: ImageLeases(),
            workers: BlockingThreads(count: 1), site: "a", throttles: PeerThrottles(TransferLimits(configuration)),
            limits: SessionLimits(), logger: Logger(label: "test") { _ in lines }, now: { now })
    }

    private func agent(_ now: Date) throws -> LaneAgent {
        LaneAgent(
            environment: try environment(now), stop: StopSwitch(), parallelCount: 1,
            numbers: LaneAgent.Numbers(
                checkpointByteCount: 4 << 20, compression: .adaptive, baseSecondsMax: 30 * 86_400))
    }

    private func rule(_ change: (inout ImageSettings) -> Void = { _ in }) -> LaneRule {
        var settings = configuration.settings(for: "vm")
        change(&settings)
        return LaneRule(peer: configuration.peers[0], settings: settings)
    }

    /// Runs once at a moment, by an agent that was started for it.
    private func run(_ now: Date, _ rule: LaneRule) async throws -> LaneRun.Outcome {
        try await agent(now).makeRun(LaneKey(image: "vm", peer: "b"), rule, TransferMeter()).run(.due(now))
    }

    private func failure(_ now: Date) async throws -> LaneRun.Failed {
        let failed = await #expect(throws: LaneRun.Failed.self) { try await run(now, rule()) }
        return try #require(failed)
    }

    @Test("the base is held from the first that failed on, by all agents that come after, however old it is")
    func first() async throws {
        let first = try await failure(day(400))
        #expect(first.failingSince == day(400))
        #expect(try first.pruning.get().bases.warnings.isEmpty)
        #expect(try await hasBase, "nobody had tried before")
        #expect(try await failure(day(410)).failingSince == day(400))
        #expect(try await record()?.failingSince == day(400))
        let warned = try await failure(day(416)).pruning.get()
        #expect(warned.bases.warnings.map(\.peer) == ["b"] && warned.bases.warnings.map(\.base) == [base])
        #expect(warned.bases.warnings.map(\.seconds) == [16 * 86_400])
        #expect(try await hasBase)
        let last = try await failure(day(431)).pruning.get()
        #expect(last.bases.givenUp.map(\.base) == [base])
        #expect(try await !hasBase)
    }

    @Test("an agent that is started tells since when they fail, and warns after half the time")
    func status() async throws {
        _ = try await failure(day(1))
        let key = LaneKey(image: "vm", peer: "b")
        let found = try await agent(day(20)).look(key, rule())
        #expect(found.failingSince == day(1))
        var report = LaneReport(key)
        report.failingSince = found.failingSince
        func status(_ now: Date) -> ImageStatus {
            report.status(schedule: nil, nextRun: nil, running: nil, proving: nil, now: now)
        }
        #expect(status(day(3)).failingSeconds == 172_800)
        report.note(try await failure(day(20)))
        #expect(status(day(20)).failingSeconds == 1_641_600)
        #expect(status(day(20)).warnings == ["\(base.name) has been held for b in vain for 19 days"])
        report.note(try await failure(day(32)))
        #expect(status(day(32)).failingSeconds == 2_678_400)
        let warnings = status(day(32)).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("\(base.name) is held for b no longer, after 31 days in vain: ") == true)
        report.succeeded(LaneRun.Outcome(), now: day(33))
        #expect(status(day(33)).failingSeconds == nil)
        #expect(status(day(33)).warnings.isEmpty)
    }

    @Test("one that finds nothing to send ends the count")
    func nothingWanted() async throws {
        _ = try await failure(day(1))
        _ = try await run(day(40), rule { $0.snapshots = .matching(ImagePattern("none-*")) })
        let record = try await record()
        #expect(record?.acknowledged == base)
        #expect(record?.failingSince == nil)
        #expect(try await hasBase)
    }

    @Test("what stands in the way at the source is not the peer's")
    func ownFault() async throws {
        store.setFaults { operation, _ throws(StoreError) in
            if operation == .createSnapshot { throw StoreError(.unavailable, "create snapshot", "vm") }
        }
        let failed = try await failure(day(400))
        #expect(failed.underlying is StoreError)
        #expect(failed.failingSince == nil)
        #expect(try await record()?.failingSince == nil)
        #expect(try await hasBase)
    }

    @Test("a source that can't be written to hides nothing: why the run failed is told, and that it can't be noted")
    func readOnly() async throws {
        store.setFaults { operation, _ throws(StoreError) in
            if case .setMetadata = operation { throw StoreError(.unavailable, "write", "vm") }
        }
        let failed = try await failure(day(400))
        #expect(!(failed.underlying is StoreError))
        #expect(lines.taken().contains { $0.hasPrefix("warning: vm: how the run to b ended can't be noted: ") })
        store.setFaults(nil)
        #expect(try await record()?.failingSince == nil)
        #expect(try await hasBase)
    }

    @Test("one that is stopped is no try")
    func stopped() async throws {
        store.setFaults { operation, _ in
            if operation == .createSnapshot { withUnsafeCurrentTask { $0?.cancel() } }
        }
        #expect(try await failure(day(400)).failingSince == nil)
        #expect(try await record()?.failingSince == nil)
        #expect(try await hasBase)
    }

    // MARK: Without an agent

    private func syncNow() async throws -> [ImageOutcome] {
        let run = try SyncRun(
            configuration: configuration, store: store, snapshot: nil, parallelCount: 2,
            logger: Logger(label: "test") { _ in lines })
        return await run.run(images: try await store.imageNames(), peers: configuration.peers) { _ in }
    }

    @Test("sync now notes the first, too, of each image that the peer has something of")
    func command() async throws {
        store.addImage("other", contents: [1])
        let began = Int64(Date().timeIntervalSince1970)
        let outcomes = try await syncNow()
        #expect(outcomes.count == 2)
        for outcome in outcomes { #expect(throws: (any Error).self) { try outcome.result.get() } }
        var noted = try #require(try await record())
        #expect((began...Int64(Date().timeIntervalSince1970)).contains(try #require(noted.failedSinceSeconds)))
        #expect(try await record("other") == nil)
        noted.failedSinceSeconds = began - 1000
        try await setRecord(noted)
        _ = try await syncNow()
        #expect(try await record() == noted)
        #expect(lines.taken().isEmpty)
    }

    @Test("sync now leaves that to the agent that works on the image")
    func elsewhere() async throws {
        let image = try await store.openSource("vm")
        let lease = try await image.lease(holder: "other", duration: .seconds(600))
        _ = try await syncNow()
        await lease.release()
        await image.close()
        #expect(try await record()?.failingSince == nil)
        #expect(lines.taken().isEmpty)
    }
}
