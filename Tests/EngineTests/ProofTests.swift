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

private let grain = Limits.digestGrainByteCountMin

@Suite("A proof", .timeLimit(.minutes(5)))
struct ProofTests {
    @Test("of equal snapshots reads every byte at both ends, sends only digests, and is kept at both")
    func equal() async throws {
        let (sites, name) = try await provenSites()
        let read = Mutex(0)
        sites.mirror.setFaults { operation, _ throws(StoreError) in
            if operation == .read { read.withLock { $0 += 1 } }
        }
        let proof = TestProof(senderByteCountMax: 10_000, receiverByteCountMax: 10_000)
        let report = try await sites.prove(proof)
        #expect(report.differing.isEmpty && report.isComplete && !report.isAlarmed)
        #expect(report.comparedByteCount == 20 << 20 + 777 && report.selectedByteCount == report.imageByteCount)
        #expect(proof.meter.counts.readByteCount == report.imageByteCount)
        #expect(read.withLock(\.self) == 2 * 5 + 1, "halves of leaves, and the last few bytes")
        #expect(proof.meter.counts.phase == .done)
        let (here, there) = (try await sites.sourceProofs(), try await sites.mirrorProofs())
        #expect(here == there && here.lastFull?.snapshot.name == name && here.last?.isWhole == true)
        #expect(proof.events.proven == [there])
    }

    @Test("finds a byte or two that differ, wherever it is, and tells its grain", arguments: 0..<12)
    func damagedByte(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let (sites, name) = try await provenSites(mebibytes: 9, seed: seed)
        let size = UInt64(9 << 20 + 777)
        let offset = seed == 0 ? size - 1 : seed == 1 ? 0 : UInt64.random(in: 0..<size, using: &generator)
        sites.damage(offset, of: name)
        let report = try await sites.prove()
        let start = offset / grain * grain
        #expect(
            report.differing == [Extent(offset: start, byteCount: min(grain, size - start))], "seed \(seed), \(offset)")
        #expect(report.isAlarmed && report.differingByteCount == report.differing[0].byteCount)
        #expect(try await sites.mirrorProofs().alarm?.differing == report.differing)
        #expect(try await sites.sourceProofs().alarm?.differing == report.differing)
    }

    @Test("tells many differences up to a bound, and the sum of all")
    func manyDifferences() async throws {
        let (sites, name) = try await provenSites(mebibytes: 40)
        for number in 0..<320 as Range<UInt64> { sites.damage(number * 2 * grain, of: name) }
        let report = try await sites.prove()
        #expect(report.differing.count == Limits.differingExtentCountMax)
        #expect(report.differingByteCount == 320 * grain)
        let alarm = try #require(try await sites.mirrorProofs().alarm)
        #expect(alarm.differingByteCount == 320 * grain && !alarm.extents.isWhole)
    }

    @Test("joins neighbours that differ")
    func neighbours() async throws {
        let (sites, name) = try await provenSites()
        sites.mirror.corruptSnapshot(
            name, of: "vm", at: 3 << 20 + 5, with: [UInt8](repeating: 0, count: 3 << 20))
        let report = try await sites.prove()
        #expect(report.differing == [Extent(offset: 3 << 20, byteCount: 3 << 20 + grain)])
    }

    @Test("of a size that differs tells the tail")
    func sizes() async throws {
        let (sites, name) = try await provenSites()
        sites.mirror.resizeSnapshot(name, of: "vm", to: 9 << 20)
        let report = try await sites.prove()
        #expect(report.differing == [Extent(offset: 8 << 20, byteCount: 12 << 20 + 777)] && report.isComplete)
        #expect(report.comparedByteCount == report.imageByteCount && report.selectedByteCount == report.imageByteCount)
        sites.mirror.resizeSnapshot(name, of: "vm", to: 30 << 20)
        let larger = try await sites.prove()
        #expect(larger.differing.last?.end == 30 << 20 && larger.imageByteCount == 30 << 20)
    }

    @Test("is of the snapshot that is named, or of the newest that both ends hold")
    func whichSnapshot() async throws {
        let (sites, first) = try await provenSites()
        sites.source.overwrite("vm", at: 77, with: [1])
        let second = try #require(try await sites.sync().last).target.name
        let image = try await sites.source.openSource("vm")
        _ = try await image.createSnapshot("later")
        await image.close()
        #expect(try await sites.prove().snapshot.name == second)
        #expect(try await sites.prove { $0.settings.snapshot = first }.snapshot.name == first)
        await #expect(throws: ProofConflict.noSuchSnapshot("none")) {
            try await sites.prove { $0.settings.snapshot = "none" }
        }
        let refusal = await #expect(throws: OfferRefusal.self) {
            try await sites.prove { $0.settings.snapshot = "later" }
        }
        #expect(refusal?.disposition == .permanent && refusal?.remedy.contains("sync") == true)
    }

    @Test("is refused where there is no mirror, nothing in common, or a client has no business")
    func refused() async throws {
        let proven = try await provenSites()
        var sites = proven.sites
        sites.images = "other-*"
        let forbidden = await #expect(throws: OfferRefusal.self) { try await sites.prove() }
        #expect(forbidden?.disposition == .unauthorized)
        sites.images = "*"
        sites.mirror.deleteSnapshot(proven.name, of: "vm")
        let nothing = await #expect(throws: OfferRefusal.self) { try await sites.prove() }
        #expect(nothing?.disposition == .permanent)
        sites.mirror.deleteImage("vm")
        let missing = await #expect(throws: OfferRefusal.self) { try await sites.prove() }
        #expect(missing?.cause.contains("no mirror") == true)
        sites.source.addImage("bare", contents: [1])
        sites.image = "bare"
        await #expect(throws: ProofConflict.noSnapshots(image: "bare")) { try await sites.prove() }
    }

    @Test("needs a peer that knows of it, on either side")
    func oldPeer() async throws {
        let (sites, _) = try await provenSites()
        await #expect(throws: EngineError.peerTooOld) { try await sites.prove { $0.receiverVersions = 1...1 } }
        await #expect(throws: EngineError.peerTooOld) { try await sites.prove { $0.senderVersions = 1...1 } }
        await #expect(throws: EngineError.peerTooOld) {
            var proof = TestProof()
            proof.receiverVersions = 1...1
            try await sites.run(proof) { try await $0.endAlarm() }
        }
    }

    @Test("goes on beside a sync that publishes and prunes, and beside another proof")
    func besideOthers() async throws {
        var rules = RetentionRules()
        rules.last = 1
        let (sites, name) = try await provenSites(mebibytes: 24, keep: .rules(rules))
        let isBegun = Mutex(false)
        sites.mirror.setFaults { operation, _ throws(StoreError) in
            let isFirst =
                operation == .read
                && isBegun.withLock { isBegun in
                    defer { isBegun = true }
                    return !isBegun
                }
            guard isFirst else { return }
            var proof = TestProof()
            proof.isAlone = false
            proof.settings.peer = "c"
            proof.settings.snapshot = name
            let report = try? await sites.prove(proof)
            #expect(report?.isComplete == true)
            sites.source.overwrite("vm", at: 5, with: [9])
            _ = try? await sites.sync()
        }
        let report = try await sites.prove()
        #expect(report.isComplete && report.differing.isEmpty && report.snapshot.name == name)
        sites.mirror.setFaults(nil)
        try await sites.expectEqual()
        // It was held while it was read, and goes with the next.
        #expect(sites.mirror.contents(of: "vm", at: name) != nil)
        sites.source.overwrite("vm", at: 6, with: [9])
        try await sites.sync()
        #expect(sites.mirror.contents(of: "vm", at: name) == nil)
    }
}
