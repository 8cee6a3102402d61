import Engine
import FerryCore
import ImageStore
import MemoryStore
import TestSupport
import Testing

private let mebibyte = 1 << 20

@Suite("A sync without a common snapshot", .timeLimit(.minutes(5)))
struct LostBaseTests {
    /// A mirror with a snapshot that the source has no more, and a source that has changed since.
    private func lost(byteCount: Int = 9 * mebibyte, seed: UInt64 = 1) async throws -> (sites: TwoSites, old: String) {
        let sites = TwoSites()
        var generator = SeededGenerator(seed: seed)
        sites.source.addImage("vm", contents: generator.bytes(byteCount))
        let old = try await sites.sync()[0].target.name
        sites.source.deleteSnapshot(old, of: "vm")
        sites.source.overwrite("vm", at: UInt64(byteCount / 2), with: [1, 2, 3])
        return (sites, old)
    }

    private func expectHeadsEqual(_ sites: TwoSites, _ comment: Comment? = nil) {
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"), comment)
    }

    @Test("is refused unless it was asked for, and the refusal says how")
    func refused() async throws {
        let (sites, old) = try await lost()
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(refusal?.disposition == .refused)
        #expect(refusal?.remedy.contains("--reconcile") == true)
        #expect(refusal?.cause.contains(old) == true)
    }

    @Test("sends only what differs, keeps what is published, and is followed by usual ones")
    func reconciles() async throws {
        var (sites, old) = try await lost()
        let before = sites.mirror.contents(of: "vm", at: old)
        sites.lostBaseMode = .compare
        let steps = try await sites.sync()
        #expect(steps[0].base == nil && !steps[0].wasPublished)
        #expect(steps[0].counts.readByteCount == Limits.digestGrainByteCountMin)
        expectHeadsEqual(sites)
        #expect(sites.mirror.contents(of: "vm", at: old) == before)
        sites.lostBaseMode = nil
        sites.source.overwrite("vm", at: 0, with: [9])
        #expect(try await sites.sync()[0].base == steps[0].target)
        expectHeadsEqual(sites)
    }

    @Test("sends everything, zeros included, when that was asked for")
    func full() async throws {
        var (sites, _) = try await lost()
        sites.source.overwrite("vm", at: 1000, with: [UInt8](repeating: 0, count: 2 * mebibyte))
        sites.lostBaseMode = .full
        let steps = try await sites.sync()
        #expect(steps[0].base == nil && steps[0].counts.readByteCount == UInt64(9 * mebibyte))
        expectHeadsEqual(sites)
    }

    @Test("is not what happens while a snapshot is common", arguments: [DiffMode.compare, .full])
    func notNeeded(mode: DiffMode) async throws {
        var (sites, _) = try await lost()
        sites.lostBaseMode = .compare
        let first = try await sites.sync()
        sites.lostBaseMode = mode
        sites.source.overwrite("vm", at: 0, with: [9])
        let next = try await sites.sync()
        #expect(next[0].base == first[0].target && next[0].counts.readByteCount < 10_000)
    }

    @Test(
        "goes on from the head alone when the snapshots of both ends are gone and the receiver agrees",
        arguments: [DiffMode.compare, .full])
    func bothGone(mode: DiffMode) async throws {
        var (sites, old) = try await lost()
        sites.mirror.deleteSnapshot(old, of: "vm")
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(refusal?.remedy.contains("--reconcile") == true)
        sites.lostBaseMode = mode
        let word = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(word?.remedy.contains("seeded") == true)
        sites.seeded = ["vm"]
        let steps = try await sites.sync()
        #expect(steps[0].counts.readByteCount <= (mode == .full ? UInt64(9 * mebibyte) : 1 << 16))
        try await sites.expectEqual()
    }

    @Test("refuses a head that somebody wrote to all the same")
    func foreignWrite() async throws {
        var (sites, _) = try await lost()
        sites.mirror.overwrite("vm", at: 4096, with: [1])
        sites.lostBaseMode = .compare
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(refusal?.cause.contains("wrote to the mirror") == true)
    }

    @Test("an old receiver is asked nothing that it does not know, and refuses")
    func oldReceiver() async throws {
        var (sites, _) = try await lost()
        sites.receiverVersions = 1...1
        sites.lostBaseMode = .compare
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(refusal?.disposition == .refused)
    }

    @Test(
        "once begun and cut it is gone on with, whether it is asked for again or not",
        arguments: [DiffMode.compare, .full])
    func goesOn(mode: DiffMode) async throws {
        var (sites, _) = try await lost()
        var generator = SeededGenerator(seed: 9)
        sites.source.overwrite("vm", at: 0, with: generator.bytes(6 * mebibyte))
        sites.checkpointByteCount = 4 << 20
        sites.lostBaseMode = mode
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 5 << 20) }
        sites.lostBaseMode = nil
        let steps = try await sites.sync()
        #expect(steps[0].base == nil && steps[0].counts.resumeOffset > 0)
        expectHeadsEqual(sites)
    }

    @Test("cut at any byte it goes on and ends equal", arguments: 0..<8)
    func cutAnywhere(seed: UInt64) async throws {
        var (sites, _) = try await lost(seed: seed)
        var generator = SeededGenerator(seed: seed)
        sites.lostBaseMode = .compare
        for _ in 0..<4 {
            sites.change(&generator, writeCount: 20)
            let senderMax = UInt64.random(in: 0...(3 << 20), using: &generator)
            _ = try? await sites.sync(senderByteCountMax: senderMax)
        }
        _ = try await sites.syncUntilDone()
        expectHeadsEqual(sites, "seed \(seed)")
    }

    @Test("at every operation of the mirror's store, with power lost, it goes on and ends equal")
    func crashSweep() async throws {
        var point = 0
        var wasReached = true
        while wasReached, point < 400 {
            var (sites, old) = try await lost(byteCount: mebibyte, seed: UInt64(point))
            let before = sites.mirror.contents(of: "vm", at: old)
            sites.lostBaseMode = .compare
            let crash = CrashPoint(point)
            sites.mirror.setFaults { _, image throws(StoreError) in try crash.step(image) }
            _ = try? await sites.sync()
            sites.mirror.setFaults(nil)
            wasReached = crash.wasReached
            if wasReached { sites.mirror.losePower(of: "vm") }
            _ = try await sites.syncUntilDone()
            expectHeadsEqual(sites, "crash at operation \(point)")
            #expect(sites.mirror.contents(of: "vm", at: old) == before, "crash at operation \(point)")
            point += 1
        }
        #expect(point > 15, "the sweep found few points: \(point)")
    }
}

@Suite("A mirror that was seeded by others", .timeLimit(.minutes(2)))
struct SeededMirrorTests {
    /// A mirror image that somebody filled with what the source held, and made a snapshot of.
    private func seeded(byteCount: Int = 9 * mebibyte) async throws -> TwoSites {
        var sites = TwoSites()
        sites.seeded = ["vm*"]
        sites.lostBaseMode = .compare
        var generator = SeededGenerator(seed: 2)
        let contents = generator.bytes(byteCount)
        sites.source.addImage("vm", contents: contents)
        sites.mirror.addImage("vm", contents: contents)
        let image = try #require(try await sites.mirror.openMirror("vm"))
        _ = try await image.createSnapshot("theirs")
        await image.close()
        sites.source.overwrite("vm", at: 5_000_000, with: [1, 2, 3])
        return sites
    }

    @Test("is taken over, sent only what differs, and its snapshots stay what they are")
    func takenOver() async throws {
        var sites = try await seeded()
        let theirs = sites.mirror.contents(of: "vm", at: "theirs")
        let steps = try await sites.sync()
        #expect(steps[0].counts.readByteCount == Limits.digestGrainByteCountMin)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
        sites.lostBaseMode = nil
        sites.seeded = []
        sites.source.overwrite("vm", at: 0, with: [1])
        #expect(try await sites.sync()[0].base == steps[0].target)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
        #expect(sites.mirror.contents(of: "vm", at: "theirs") == theirs)
    }

    @Test("is taken over whatever its size", arguments: [5, 9 * (1 << 20) + 1, 12 << 20])
    func otherSize(byteCount: UInt64) async throws {
        let sites = try await seeded()
        sites.mirror.resizeHead(of: "vm", to: byteCount)
        try await sites.sync()
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
    }

    @Test("is refused unless both sides want it")
    func refused() async throws {
        for change in [{ $0.seeded = ["web"] }, { $0.lostBaseMode = nil }] as [(inout TwoSites) -> Void] {
            var sites = try await seeded()
            change(&sites)
            let head = sites.mirror.contents(of: "vm")
            let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
            #expect(refusal?.disposition == .refused && refusal?.remedy.contains("seeded") == true)
            #expect(sites.mirror.contents(of: "vm") == head)
        }
    }

    @Test("whose first transfer was cut is compared with another snapshot as well, and never wiped")
    func cut() async throws {
        var sites = try await seeded()
        sites.mirror.deleteSnapshot("theirs", of: "vm")
        var generator = SeededGenerator(seed: 3)
        sites.source.overwrite("vm", at: 0, with: generator.bytes(4 * mebibyte))
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 2 << 20) }
        let image = try await sites.source.openSource("vm")
        let half = try #require(try await image.snapshots().last)
        await image.close()
        sites.source.deleteSnapshot(half.identity.name, of: "vm")
        sites.lostBaseMode = nil
        await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        sites.lostBaseMode = .compare
        let steps = try await sites.sync()
        #expect(steps[0].counts.readByteCount < UInt64(5 * mebibyte))
        try await sites.expectEqual()
    }
}
