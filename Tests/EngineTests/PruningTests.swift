import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Planning
import TestSupport
import Testing

@testable import Engine

private let noon = Date(timeIntervalSince1970: 1_800_000_000)
private let day: Int64 = 86_400

extension Retention {
    /// Keeps the newest of ours, and of users' whose names match.
    fileprivate static func last(_ count: Int, also: String...) -> Retention {
        var rules = RetentionRules()
        rules.last = count
        rules.also = also.map { ImagePattern($0) }
        return .rules(rules)
    }
}

@Suite("Pruning a source", .timeLimit(.minutes(1)))
struct SourcePruningTests {
    private let sites = TwoSites()

    init() {
        var generator = SeededGenerator(seed: 4)
        sites.source.addImage("vm", contents: generator.bytes(100_000))
        // The senders' clock, a second on at each sync, starts before this.
        sites.source.setClock { Date(timeIntervalSince1970: 1_700_000_000) }
    }

    /// Runs `body` with the source open.
    private func withSource<Result>(_ body: (any SourceImage) async throws -> Result) async throws -> Result {
        let image = try await sites.source.openSource("vm")
        let result = try await body(image)
        await image.close()
        return result
    }

    private func makeOwn(_ second: Double) async throws -> SnapshotIdentity {
        try await withSource { image in
            try await OwnSnapshot.make(on: image, quiesce: .skip) { noon.addingTimeInterval(second) }
        }
    }

    /// Prunes so many seconds after the peer answered last.
    private func prune(
        _ keep: Retention, after seconds: Int64 = 60, peers: Set<String> = ["b"]
    ) async throws -> SourcePruning.Result {
        try await withSource { image in
            let now = try await time(seconds, image)
            return try await SourcePruning(
                image: image, keep: keep, peers: peers, baseSecondsMax: 30 * day, now: now
            ).run()
        }
    }

    private func time(_ seconds: Int64, _ image: any SourceImage) async throws -> Date {
        let record = try #require(try await image.state(SenderRecord.self, ImageStateKey.peer("b")))
        return try #require(record.heardAt).addingTimeInterval(Double(seconds))
    }

    /// Notes how a run ended so many seconds after the peer answered last. Returns for how many of them runs fail.
    @discardableResult
    private func noteRunEnd(failed: Bool, after seconds: Int64) async throws -> Int64? {
        try await withSource { image in
            let since = try await image.noteRunEnd(to: "b", failed: failed, now: time(seconds, image))
            let heardAt = try await time(0, image)
            return since.map { Int64($0.timeIntervalSince(heardAt)) }
        }
    }

    private var names: [String] {
        get async throws { try await withSource { try await $0.snapshots().map(\.identity.name) } }
    }

    @Test("keeps the base that the next sync needs, however old, and what the rules name")
    func base() async throws {
        for _ in 1...3 { try await sites.sync() }
        let base = try #require(try await names.last)
        for second in 1...3 { _ = try await makeOwn(Double(second)) }
        let newest = try #require(try await names.last)
        let result = try await prune(.last(1))
        #expect(try await names == [base, newest])
        #expect(result.removed.count == 4)
        #expect(result.bases.warnings.isEmpty && result.bases.givenUp.isEmpty)
        sites.source.overwrite("vm", at: 5, with: [1, 2, 3])
        let step = try #require(try await sites.sync().last)
        #expect(step.base?.name == base)
        #expect(sites.source.contents(of: "vm") == sites.mirror.contents(of: "vm", at: step.target.name))
    }

    @Test("leaves users' snapshots, but for those that are named, and pinned ones")
    func others() async throws {
        try await sites.sync()
        let pinned = try await makeOwn(1)
        try await withSource { image in
            _ = try await image.pin(pinned)
            for name in ["nightly-1", "nightly-2", "mine"] { _ = try await image.createSnapshot(name) }
        }
        _ = try await makeOwn(2)
        let before = try await names
        #expect(try await prune(.last(1)).removed.isEmpty, "base, pinned, and the newest")
        #expect(try await names == before)
        let result = try await prune(.last(1, also: "nightly-*"))
        #expect(result.removed.map(\.name) == ["nightly-1", "nightly-2"], "ours is newer than both")
        #expect(try await names == before.filter { !$0.hasPrefix("nightly-") })
        #expect(try await prune(.all).removed.isEmpty)
    }

    @Test("keeps the base of a peer whose runs go well, however seldom one is due, or for how long no agent ran")
    func longSchedule() async throws {
        try await sites.sync()
        let base = try #require(try await names.last)
        _ = try await makeOwn(1)
        let late = try await prune(.last(1), after: 400 * day)
        #expect(late.removed.isEmpty && late.bases.warnings.isEmpty && late.bases.givenUp.isEmpty)
        sites.source.overwrite("vm", at: 5, with: [1, 2, 3])
        #expect(try await sites.sync().last?.base?.name == base)
    }

    @Test("warns of a peer that fails for half the time, and gives its base up when all of it is over")
    func absence() async throws {
        try await sites.sync()
        let base = try #require(try await names.last)
        let newest = try await makeOwn(1).name
        #expect(try await noteRunEnd(failed: true, after: 400 * day) == 400 * day)
        let quiet = try await prune(.last(1), after: 415 * day)
        #expect(quiet.bases.warnings.isEmpty && quiet.removed.isEmpty)
        #expect(try await noteRunEnd(failed: true, after: 416 * day) == 400 * day, "the first one counts")
        let warned = try await prune(.last(1), after: 416 * day)
        #expect(warned.bases.warnings.map(\.peer) == ["b"] && warned.bases.warnings.map(\.base.name) == [base])
        #expect(warned.bases.warnings.first?.seconds == 16 * day)
        #expect(warned.removed.isEmpty && warned.bases.givenUp.isEmpty)
        let untried = try await prune(.last(1), after: 430 * day + 1)
        #expect(untried.bases.givenUp.isEmpty, "nobody has tried since")
        try await noteRunEnd(failed: true, after: 430 * day + 1)
        let ended = try await prune(.last(1), after: 430 * day + 1)
        #expect(ended.bases.givenUp.map(\.base.name) == [base])
        #expect(ended.removed.map(\.name) == [base])
        #expect(try await names == [newest])
    }

    @Test("counts anew after a run that did not fail, whether it sent something or nothing was wanted")
    func answered() async throws {
        try await sites.sync()
        _ = try await makeOwn(1)
        try await noteRunEnd(failed: true, after: day)
        #expect(try await noteRunEnd(failed: false, after: 2 * day) == nil)
        #expect(try await prune(.last(1), after: 400 * day).removed.isEmpty)
        try await noteRunEnd(failed: true, after: 400 * day)
        sites.source.overwrite("vm", at: 5, with: [1, 2, 3])
        try await sites.sync()
        _ = try await makeOwn(2)
        let result = try await prune(.last(1), after: 500 * day)
        #expect(result.bases.warnings.isEmpty && result.bases.givenUp.isEmpty)
        #expect(try await names.count == 2, "the base and the newest")
    }

    @Test("stores only the first failure, and of a peer that nothing is held for none")
    func writes() async throws {
        let isReadOnly: MemoryFaults = { operation, _ throws(StoreError) in
            guard case .setMetadata = operation else { return }
            throw StoreError(.unavailable, "write", "vm")
        }
        try await withSource { image in
            let since = try await image.noteRunEnd(to: "b", failed: true, now: noon)
            let stored = try await image.metadata(ImageStateKey.peer("b"))
            #expect(since == nil && stored == nil)
        }
        try await sites.sync()
        try await noteRunEnd(failed: true, after: 10)
        sites.source.setFaults(isReadOnly)
        #expect(try await noteRunEnd(failed: true, after: 20) == 10)
        sites.source.setFaults(nil)
        try await noteRunEnd(failed: false, after: 30)
        sites.source.setFaults(isReadOnly)
        #expect(try await noteRunEnd(failed: false, after: 40) == nil)
    }

    @Test("gives up the base of a peer that no rule names any more when it has not answered for so long")
    func unnamed() async throws {
        try await sites.sync()
        let base = try #require(try await names.last)
        _ = try await makeOwn(1)
        #expect(try await prune(.last(1), after: 30 * day, peers: ["c"]).removed.isEmpty)
        #expect(try await prune(.last(1), after: 30 * day + 1, peers: ["c"]).removed.map(\.name) == [base])
    }

    @Test("gives up what a cut transfer pinned, too, once runs to its peer have failed for too long")
    func givenUpInFlight() async throws {
        var generator = SeededGenerator(seed: 5)
        try await sites.sync()
        sites.source.overwrite("vm", at: 0, with: generator.bytes(100_000))
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 20_000) }
        let newest = try await makeOwn(1).name
        #expect(try await prune(.last(1), after: 31 * day).removed.isEmpty, "base and target are held")
        try await noteRunEnd(failed: true, after: 0)
        try await noteRunEnd(failed: true, after: 31 * day)
        let ended = try await prune(.last(1), after: 31 * day)
        #expect(ended.removed.count == 2)
        #expect(try await names == [newest])
        try await withSource { image in
            let record = try #require(try await image.state(SenderRecord.self, ImageStateKey.peer("b")))
            #expect(record.inFlight == nil && record.pins.isEmpty)
        }
    }
}

@Suite("Pruning a mirror", .timeLimit(.minutes(1)))
struct MirrorPruningTests {
    private func sites(keep: Retention) -> TwoSites {
        var sites = TwoSites()
        sites.keep = keep
        var generator = SeededGenerator(seed: 6)
        sites.source.addImage("vm", contents: generator.bytes(100_000))
        return sites
    }

    private func names(_ sites: TwoSites) async throws -> [String] {
        let mirror = try #require(try await sites.mirror.openMirror("vm"))
        let names = try await mirror.snapshots().map(\.identity.name)
        await mirror.close()
        return names
    }

    @Test("keeps what the receiver's rules name, whatever the source keeps; the base always")
    func published() async throws {
        for keep in [Retention.last(2), .last(1), .last(0, also: "*"), .all] {
            let sites = sites(keep: keep)
            var published: [String] = []
            for seed in 1...5 {
                sites.source.overwrite("vm", at: UInt64(seed), with: [UInt8(seed)])
                let step = try #require(try await sites.sync().last)
                #expect((step.base == nil) == (seed == 1))
                published.append(step.target.name)
            }
            let count = keep == .last(2) ? 2 : keep == .all ? 5 : 1
            #expect(try await names(sites) == published.suffix(count), "\(keep)")
            try await sites.expectEqual()
        }
    }

    @Test("of a wrong snapshot and its repair, the right one stays where a rule keeps one of the two")
    func repaired() async throws {
        let store = MemoryStore(cluster: "mirror")
        let noon = Date(timeIntervalSince1970: 1_699_920_000 + 43_200)
        store.setClock { noon }
        store.addImage("vm", contents: [1])
        let image = try #require(try await store.openMirror("vm"))
        let wrong = try await image.createSnapshot("ferry-20231114T120000Z").identity
        store.advanceClock(by: .seconds(22 * 3600))
        let repaired = try await image.createSnapshot("ferry-20231114T120000Z.repaired").identity
        store.advanceClock(by: .seconds(2 * 3600))
        let next = try await image.createSnapshot("ferry-20231115T120000Z").identity
        let pairs = [
            PublishedSnapshot(source: SnapshotIdentity(id: 1, name: "a"), mirror: wrong),
            PublishedSnapshot(source: SnapshotIdentity(id: 1, name: "a"), mirror: repaired),
            PublishedSnapshot(source: SnapshotIdentity(id: 2, name: "b"), mirror: next),
        ]
        let record = MirrorRecord(
            source: ImageIdentity(cluster: "c", pool: 0, image: "i"), sourceName: "vm", published: pairs)
        var rules = RetentionRules()
        rules.daily = 7
        let removed = try await MirrorPruning(image: image, record: record, keep: .rules(rules), now: store.now).run()
        await image.close()
        #expect(removed == [wrong])
    }

    @Test("leaves what others made there: by any name, ours included, and what is pinned")
    func others() async throws {
        let sites = sites(keep: .last(1))
        try await sites.sync()
        let pinned = try #require(try await names(sites).last)
        let image = try await sites.mirror.openSource("vm")
        _ = try await image.createSnapshot("mine")
        _ = try await image.createSnapshot("ferry-20010101T000000Z")
        for snapshot in try await image.snapshots() where snapshot.identity.name == pinned {
            _ = try await image.pin(snapshot.identity)
        }
        await image.close()
        for _ in 1...2 { try await sites.sync() }
        let newest = try #require(try await names(sites).last)
        #expect(try await names(sites) == [pinned, "mine", "ferry-20010101T000000Z", newest])
        #expect(sites.source.contents(of: "vm") == sites.mirror.contents(of: "vm", at: newest))
    }

    @Test("removes users' snapshots that were mirrored only when a rule names them")
    func mirroredUsers() async throws {
        for (keep, stays) in [(Retention.last(1), true), (.last(1, also: "daily-*"), false)] {
            let sites = sites(keep: keep)
            let image = try await sites.source.openSource("vm")
            for name in ["daily-1", "daily-2"] {
                _ = try await image.createSnapshot(name)
                try await sites.sync(snapshot: name)
            }
            await image.close()
            try await sites.sync()
            #expect(try await names(sites).contains("daily-1") == stays)
            #expect(try await names(sites).contains("daily-2") == stays)
        }
    }
}
