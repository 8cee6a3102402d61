import Engine
import FerryCore
import ImageStore
import MemoryStore
import TestSupport
import Testing

private let mebibyte = 1 << 20

@Suite("A repair", .timeLimit(.minutes(5)))
struct RepairTests {
    /// A mirror whose newest snapshot is not what the source's is, and neither is its head.
    private func damaged(byteCount: Int = 6 * mebibyte, seed: UInt64 = 1) async throws -> (
        sites: TwoSites, target: SnapshotIdentity
    ) {
        let sites = TwoSites()
        var generator = SeededGenerator(seed: seed)
        sites.source.addImage("vm", contents: generator.bytes(byteCount))
        try await sites.sync()
        sites.source.overwrite("vm", at: 77, with: [1])
        let target = try await sites.sync()[0].target
        sites.mirror.damage("vm", at: UInt64(byteCount - 1000), with: [1, 2, 3])
        return (sites, target)
    }

    @discardableResult
    private func repair(
        _ sites: TwoSites, _ target: SnapshotIdentity, senderByteCountMax: UInt64 = .max
    ) async throws -> SyncStepResult {
        try await sites.sync(senderByteCountMax: senderByteCountMax) { [try await $0.repair(target)] }[0]
    }

    private func mirrorNames(_ sites: TwoSites) async throws -> [String] {
        let image = try #require(try await sites.mirror.openMirror("vm"))
        let names = try await image.snapshots().map(\.identity.name)
        await image.close()
        return names
    }

    @Test("publishes an equal copy beside the wrong one, which stays, from what differs")
    func publishesAnew() async throws {
        let (sites, target) = try await damaged()
        let wrong = sites.mirror.contents(of: "vm", at: target.name)
        let step = try await repair(sites, target)
        #expect(step.base == nil && step.counts.readByteCount == Limits.digestGrainByteCountMin)
        let repaired = sites.mirror.contents(of: "vm", at: "\(target.name).repaired")
        #expect(repaired == sites.source.contents(of: "vm", at: target.name))
        #expect(sites.mirror.contents(of: "vm", at: target.name) == wrong && wrong != repaired)
    }

    @Test("is what the next transfer is based on")
    func nextTransfer() async throws {
        let (sites, target) = try await damaged()
        try await repair(sites, target)
        sites.source.overwrite("vm", at: 99, with: [4])
        let next = try await sites.sync()
        #expect(next[0].base == target && next[0].counts.readByteCount < 10_000)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
        #expect(try await sites.sync(snapshot: target.name)[0].wasPublished)
    }

    @Test("of a snapshot that was repaired before has a name of its own")
    func twice() async throws {
        let (sites, target) = try await damaged()
        try await repair(sites, target)
        sites.mirror.damage("vm", at: 1, with: [0])
        try await repair(sites, target)
        #expect(try await mirrorNames(sites).suffix(2) == ["\(target.name).repaired", "\(target.name).repaired-2"])
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm", at: target.name))
    }

    @Test("of what is not the newest published snapshot, or not published, is refused")
    func refused() async throws {
        let (sites, target) = try await damaged()
        sites.source.overwrite("vm", at: 99, with: [4])
        try await sites.sync()
        let image = try await sites.source.openSource("vm")
        let other = try await image.createSnapshot("other").identity
        await image.close()
        for snapshot in [target, other] {
            let refusal = await #expect(throws: OfferRefusal.self) { try await repair(sites, snapshot) }
            #expect(refusal?.disposition == .refused && refusal?.remedy.contains("newest") == true)
        }
    }

    @Test("is refused on a head that somebody wrote to")
    func foreignWrite() async throws {
        let (sites, target) = try await damaged()
        sites.mirror.overwrite("vm", at: 0, with: [1])
        await #expect(throws: OfferRefusal.self) { try await repair(sites, target) }
    }

    @Test("begins on the newest published snapshot where another transfer was cut, and gives way to one")
    func betweenTransfers() async throws {
        let (sites, target) = try await damaged()
        var generator = SeededGenerator(seed: 8)
        sites.source.overwrite("vm", at: 0, with: generator.bytes(3 * mebibyte))
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 2 << 20) }
        try await repair(sites, target)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm", at: target.name))
        sites.mirror.damage("vm", at: 100, with: generator.bytes(2 * mebibyte))
        await #expect(throws: (any Error).self) { try await repair(sites, target, senderByteCountMax: 1 << 20) }
        try await sites.sync()
        #expect(try await mirrorNames(sites).filter { $0.contains("repaired") }.count == 1)
    }

    @Test("at every operation of the mirror's store, with power lost, ends with a copy that is equal, and once")
    func crashSweep() async throws {
        var point = 0
        var wasReached = true
        while wasReached, point < 400 {
            let (sites, target) = try await damaged(byteCount: mebibyte, seed: UInt64(point))
            let crash = CrashPoint(point)
            sites.mirror.setFaults { _, image throws(StoreError) in try crash.step(image) }
            _ = try? await repair(sites, target)
            sites.mirror.setFaults(nil)
            wasReached = crash.wasReached
            if wasReached {
                sites.mirror.losePower(of: "vm")
                let names = try await mirrorNames(sites)
                // Once the record says so, who asks again has proven first that there is something to repair.
                if names.last?.contains("repaired") != true { try await repair(sites, target) }
            }
            sites.source.overwrite("vm", at: 99, with: [4])
            _ = try await sites.syncUntilDone()
            let repaired = sites.mirror.contents(of: "vm", at: "\(target.name).repaired")
            #expect(repaired == sites.source.contents(of: "vm", at: target.name), "crash at operation \(point)")
            #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"), "crash at operation \(point)")
            point += 1
        }
        #expect(point > 15, "the sweep found few points: \(point)")
    }
}
