import FerryCore
import ImageStore
import MemoryStore
import Synchronization
import TestSupport
import Testing

@testable import Engine

private let mebibyte = 1 << 20
private let grain = Int(Limits.digestGrainByteCountMin)

@Suite("A sync by comparison", .timeLimit(.minutes(5)))
struct ComparisonTests {
    private func sites(byteCount: Int = 9 * mebibyte + 777, seed: UInt64 = 1) -> TwoSites {
        var sites = TwoSites()
        sites.mode = .compare
        var generator = SeededGenerator(seed: seed)
        sites.source.addImage("vm", contents: generator.bytes(byteCount))
        return sites
    }

    @Test("makes an equal mirror, then sends only what differs, to the grain")
    func firstAndNext() async throws {
        let sites = sites()
        let first = try await sites.sync()
        #expect(first[0].base == nil)
        try await sites.expectEqual()
        sites.source.overwrite("vm", at: 5_000_000, with: [1, 2, 3])
        let next = try await sites.sync()
        #expect(next[0].base == first[0].target)
        #expect(next[0].counts.readByteCount == UInt64(grain))
        try await sites.expectEqual()
        let same = try await sites.sync()
        #expect(same[0].counts.dataRecordCount == 0 && same[0].counts.readByteCount == 0)
        try await sites.expectEqual()
    }

    @Test(
        "images of odd sizes, and of none",
        arguments: [0, 1, 4095, 4097, grain - 1, grain, grain + 1, 4 * mebibyte - 1, 4 * mebibyte + 1])
    func sizes(byteCount: Int) async throws {
        let sites = sites(byteCount: byteCount)
        try await sites.sync()
        try await sites.expectEqual()
        sites.source.overwrite("vm", at: UInt64(max(byteCount - 1, 0)), with: byteCount > 0 ? [0] : [])
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("data that became zeros becomes zeros on the mirror, and a sparse image costs its data only")
    func zeros() async throws {
        let sites = sites()
        try await sites.sync()
        sites.source.overwrite("vm", at: 1000, with: [UInt8](repeating: 0, count: 5 * mebibyte))
        let steps = try await sites.sync()
        #expect(steps[0].counts.contentByteCount < UInt64(4 * grain))
        try await sites.expectEqual()
    }

    @Test("an image that grows, shrinks, and both between two syncs")
    func resized() async throws {
        let sites = sites()
        try await sites.sync()
        for sizes in [[13 * mebibyte], [mebibyte + 3], [100, 6 * mebibyte]] {
            let image = try #require(try await sites.source.openMirror("vm"))
            for size in sizes { try await image.resize(to: UInt64(size)) }
            await image.close()
            sites.source.overwrite("vm", at: 50, with: [9, 9, 9])
            try await sites.sync()
            try await sites.expectEqual("after \(sizes)")
        }
    }

    @Test("mends what an earlier list of changes left out, in the next snapshot and not in those before")
    func mends() async throws {
        var sites = sites()
        sites.mode = .hybrid
        let first = try await sites.sync()
        sites.mirror.damage("vm", at: 4_200_000, with: [1, 2, 3, 4])
        sites.source.overwrite("vm", at: 0, with: [7])
        sites.mode = .compare
        let next = try await sites.sync()
        #expect(next[0].base == first[0].target)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
        #expect(
            sites.mirror.contents(of: "vm", at: first[0].target.name)
                != sites.source.contents(of: "vm", at: first[0].target.name))
    }

    @Test("changes between the modes go on from the last snapshot, whatever found what was in it")
    func changesModes() async throws {
        var sites = sites()
        var generator = SeededGenerator(seed: 3)
        for mode in [DiffMode.compare, .exact, .compare, .hybrid] {
            sites.mode = mode
            sites.change(&generator)
            try await sites.sync()
            try await sites.expectEqual("\(mode)")
        }
    }

    @Test("a foreign write to the mirror is refused all the same")
    func foreignWrite() async throws {
        let sites = sites()
        try await sites.sync()
        sites.mirror.overwrite("vm", at: 4096, with: [1])
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(refusal?.disposition == .refused)
    }

    @Test("a receiver that knows nothing of digests is told apart before a snapshot is made")
    func oldReceiver() async throws {
        var sites = sites()
        sites.receiverVersions = 1...1
        let error = await #expect(throws: EngineError.self) { try await sites.sync() }
        #expect(error == .peerTooOld && error?.remedy == "upgrade the receiver")
        let image = try await sites.source.openSource("vm")
        #expect(try await image.snapshots().isEmpty)
        await image.close()
        sites.mode = .hybrid
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("that is cut at any byte of either direction goes on and ends equal", arguments: 0..<8)
    func cutAnywhere(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let sites = sites(byteCount: 5 * mebibyte, seed: seed)
        for round in 0..<3 {
            if round > 0 { sites.change(&generator, writeCount: 40) }
            for _ in 0..<3 {
                let senderMax = UInt64.random(in: 0...(3 << 20), using: &generator)
                let receiverMax =
                    Bool.random(using: &generator) ? .max : UInt64.random(in: 0...10_000, using: &generator)
                _ = try? await sites.sync(senderByteCountMax: senderMax, receiverByteCountMax: receiverMax)
            }
            _ = try await sites.syncUntilDone()
            try await sites.expectEqual("seed \(seed), round \(round)")
        }
    }

    @Test("where both ends are equal, a cut costs no new comparison")
    func resumesBehindWhatIsEqual() async throws {
        let span = DigestComparison.spanByteCount
        var sites = sites(byteCount: mebibyte)
        sites.checkpointInterval = .zero
        let image = try #require(try await sites.source.openMirror("vm"))
        try await image.resize(to: span + 2 * Limits.digestLeafByteCount)
        await image.close()
        sites.mode = .hybrid
        try await sites.sync()
        sites.mode = .compare
        sites.source.overwrite("vm", at: 77, with: [1])
        sites.source.overwrite("vm", at: span, with: [2])
        // Both halves of all leaves, the grains of the first that differs, and those that are sent; what differs behind can't
        // be read.
        let readCountMax = 2 * (16 + 2) + 2 + 1
        let reads = Mutex(0)
        let meter = TransferMeter()
        sites.source.setFaults { operation, name throws(StoreError) in
            guard operation == .read else { return }
            let number = reads.withLock { reads in
                reads += 1
                return reads
            }
            guard number > readCountMax else { return }
            while meter.counts.watermark < span, !Task.isCancelled { await Task.yield() }
            throw StoreError(.unavailable, "read", name)
        }
        await #expect(throws: (any Error).self) { try await sites.sync(meter: meter) }
        sites.source.setFaults(nil)
        let steps = try await sites.sync()
        #expect(steps[0].counts.resumeOffset >= span)
        let mirror = try #require(try await sites.mirror.openMirror("vm"))
        let buffer = DataBuffer(byteCount: 2)
        try await mirror.read(
            [
                BufferRead(Extent(offset: 77, byteCount: 1), at: 0),
                BufferRead(Extent(offset: span, byteCount: 1), at: 1),
            ], into: buffer)
        await mirror.close()
        #expect(buffer.bytes(in: 0..<2) == [1, 2])
    }

    @Test("at every operation of the mirror's store, with power lost, it goes on and ends equal")
    func crashSweepMirror() async throws {
        try await crashSweep {
            $0.mirror.setFaults($1)
        } after: {
            $0.mirror.losePower(of: "vm")
        }
    }

    @Test("at every operation of the source's store it goes on and ends equal")
    func crashSweepSource() async throws {
        try await crashSweep {
            $0.source.setFaults($1)
        } after: { _ in
        }
    }

    private func crashSweep(_ setFaults: (TwoSites, MemoryFaults?) -> Void, after: (TwoSites) -> Void) async throws {
        try await TwoSites.crashSweep(
            { seed, _ in sites(byteCount: mebibyte + 99, seed: seed) }, setFaults, after: after)
    }
}
