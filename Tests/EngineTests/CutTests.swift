import Engine
import FerryCore
import ImageStore
import MemoryStore
import Planning
import Synchronization
import TestSupport
import Testing

private let mebibyte = 1 << 20

@Suite("A sync that is cut", .timeLimit(.minutes(5)))
struct CutTests {
    private func sites(_ generator: inout SeededGenerator) -> TwoSites {
        var sites = TwoSites()
        sites.checkpointByteCount = 8 << 20
        sites.source.addImage("vm", contents: generator.bytes(12 * mebibyte))
        return sites
    }

    @Test("at any byte of either direction, it goes on and ends equal", arguments: 0..<24)
    func cutAnywhere(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let sites = sites(&generator)
        for round in 0..<3 {
            if round > 0 { sites.change(&generator, writeCount: 40) }
            for _ in 0..<3 {
                let senderMax = UInt64.random(in: 0...(4 << 20), using: &generator)
                let receiverMax = Bool.random(using: &generator) ? .max : UInt64.random(in: 0...600, using: &generator)
                _ = try? await sites.sync(senderByteCountMax: senderMax, receiverByteCountMax: receiverMax)
            }
            _ = try await sites.syncUntilDone()
            try await sites.expectEqual("seed \(seed), round \(round)")
        }
    }

    @Test("what was durable is not sent again, and at most the checkpoint distance is")
    func resumeSavesBytes() async throws {
        var generator = SeededGenerator(seed: 5)
        let sites = sites(&generator)
        let cut = TransferMeter()
        await #expect(throws: (any Error).self) {
            try await sites.sync(senderByteCountMax: 10 << 20, meter: cut)
        }
        let steps = try await sites.sync()
        let needed = UInt64(12 * mebibyte)
        let sentTwice = cut.counts.contentByteCount + steps[0].counts.contentByteCount - needed
        #expect(steps[0].counts.savedContentByteCount > 0)
        #expect(sentTwice <= sites.checkpointByteCount + 100_000)
        try await sites.expectEqual()
    }

    @Test("a transfer of another snapshot does not go on where this one stopped")
    func otherTarget() async throws {
        var generator = SeededGenerator(seed: 6)
        let sites = sites(&generator)
        try await sites.sync()
        // Born in the cut delta, gone in the next: only a roll back gets it off the mirror.
        sites.change(&generator, writeCount: 60)
        let before = sites.source.contents(of: "vm")
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 3 << 20) }
        let image = try await sites.source.openSource("vm")
        let half = try #require(try await image.snapshots().last)
        await image.close()
        sites.source.deleteSnapshot(half.identity.name, of: "vm")
        sites.source.overwrite("vm", at: 0, with: [UInt8](repeating: 0, count: before?.count ?? 0))
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("the image's state now is sent after a transfer that was cut earlier")
    func changedMeanwhile() async throws {
        var generator = SeededGenerator(seed: 7)
        let sites = sites(&generator)
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 3 << 20) }
        sites.source.overwrite("vm", at: 100, with: [1, 2, 3])
        let steps = try await sites.sync()
        #expect(steps.count == 2)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
        try await sites.expectEqual()
    }

    @Test("a lost acknowledgement costs a round trip, not a copy")
    func lostAcknowledgement() async throws {
        var generator = SeededGenerator(seed: 8)
        let sites = sites(&generator)
        let mirror = sites.mirror
        // The receiver's process ends after it has published and before it says so.
        let isPublished = Mutex(false)
        mirror.setFaults { operation, name throws(StoreError) in
            if operation == .removeMetadata(key: "rbd-ferry.checkpoint") {
                isPublished.withLock { $0 = true }
                throw StoreError(.unavailable, "go on with", name)
            }
        }
        await #expect(throws: (any Error).self) { try await sites.sync() }
        #expect(isPublished.withLock { $0 })
        mirror.setFaults(nil)
        let steps = try await sites.sync()
        #expect(steps.count == 1 && steps[0].wasPublished)
        try await sites.expectEqual()
    }

    @Test("at every operation of the mirror's store, with power lost, it goes on and ends equal")
    func crashSweepMirror() async throws {
        try await crashSweep { sites, faults in
            sites.mirror.setFaults(faults)
        } after: { sites in
            sites.mirror.losePower(of: "vm")
        }
    }

    @Test("at every operation of the source's store it goes on and ends equal")
    func crashSweepSource() async throws {
        try await crashSweep { sites, faults in
            sites.source.setFaults(faults)
        } after: { _ in
        }
    }

    private func crashSweep(
        _ setFaults: (TwoSites, MemoryFaults?) -> Void, after: (TwoSites) -> Void
    ) async throws {
        try await TwoSites.crashSweep(
            { _, generator in
                var sites = TwoSites()
                sites.checkpointByteCount = 4 << 20
                sites.source.addImage("vm", contents: generator.bytes(5 * mebibyte))
                return sites
            }, setFaults, after: after)
    }
}
