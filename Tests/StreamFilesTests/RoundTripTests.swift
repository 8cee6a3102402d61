import DiffStream
import FerryCore
import Foundation
import ImageStore
import MemoryStore
import Testing

@testable import StreamFiles

@Suite("An export that is imported", .timeLimit(.minutes(2)))
struct RoundTripTests {
    /// How a stream goes from one store to the other.
    private struct Way {
        let format: any StreamFormat
        let zstdLevel: Int?
        let medium: Medium
    }

    private static let snapshots = ["s1", "zweiter schnappschuß", "s3@x", "s4"]

    @Test("gives every snapshot's bytes, size and protection, and the metadata, by every way")
    func roundTrip() async throws {
        for seed in UInt64(0)..<24 {
            let way = Way(
                format: StreamFormats.all[Int(seed % 3)], zstdLevel: seed / 3 % 2 == 0 ? nil : 1,
                medium: seed / 6 % 2 == 0 ? .file : .pipe)
            let (from, to) = (MemoryStore(cluster: "a", batchExtentCountMax: 7), MemoryStore(cluster: "b"))
            var history = RandomHistory(from, seed: seed, byteCountMax: seed < 20 ? 300_000 : 2_500_000)
            try await history.make(Self.snapshots)
            try await from.setMetadata(["owner": "me", "note": "ä\n", "rbd-ferry.peer.b": "x"])
            for step in steps(way.format) {
                let (exported, imported) = try await transfer(step, from, to, way)
                #expect(exported.diffs == imported.diffs, "seed \(seed)")
                #expect(exported.pinFailure == nil)
                #expect(imported.formatName == way.format.name)
            }
            try await expectEqual(from, to, way.format, "seed \(seed)")
        }
    }

    /// The whole history in one stream, or a chain of diffs, the last of them to the head.
    private func steps(_ format: any StreamFormat) -> [StreamExport] {
        guard !format.isHistory else { return [StreamExport(snapshot: nil, format: format)] }
        let names = Self.snapshots.map { Optional($0) }
        return zip([nil] + names, names + [nil]).map { StreamExport(snapshot: $1, base: $0, format: format) }
    }

    private func transfer(
        _ step: StreamExport, _ from: MemoryStore, _ to: MemoryStore, _ way: Way
    ) async throws -> (StreamExport.Outcome, StreamImport.Outcome) {
        switch way.medium {
        case .file:
            let folder = try StreamFolder()
            let output = try await StreamOutput.create(
                folder.path("stream"), replacesExisting: false, zstdLevel: way.zstdLevel, threads: threads)
            let exported = try await export(step, in: from, to: output)
            let input = try await StreamInput.open(folder.path("stream"), threads: threads)
            return (exported, try await importing(input, into: to))
        case .pipe:
            let (readEnd, writeEnd) = makePipe()
            let output = try output(sharing: writeEnd, zstdLevel: way.zstdLevel)
            close(writeEnd)
            async let imported = importing(pipeInput(owning: readEnd), into: to)
            let exported = try await export(step, in: from, to: output)
            return (exported, try await imported)
        }
    }

    private func expectEqual(
        _ from: MemoryStore, _ to: MemoryStore, _ format: any StreamFormat, _ comment: Comment
    ) async throws {
        var (expected, found) = (try #require(try await from.state()), try #require(try await to.state()))
        expected.metadata.removeAll { $0.key.hasPrefix("rbd-ferry.") }
        if !format.isHistory { expected.metadata = [] }
        if !format.saysProtection { expected = expected.bytesOnly }
        #expect(found.metadata == expected.metadata, comment)
        #expect(found.snapshots.map(\.name) == expected.snapshots.map(\.name), comment)
        #expect(found.snapshots.map(\.isProtected) == expected.snapshots.map(\.isProtected), comment)
        let isEqual = found == expected
        #expect(isEqual, comment)
        // Nothing is held, and no snapshot of ours is left.
        #expect(from.openHandleCount(of: "vm") == 0 && to.openHandleCount(of: "vm") == 0, comment)
        #expect(from.openDeltaCount == 0, comment)
        #expect(expected.snapshots.count == Self.snapshots.count, comment)
    }

    @Test("is laid out in objects as its source was, where the stream says how")
    func layout() async throws {
        let layout = ImageLayout(objectOrder: 20, stripeUnitByteCount: 65_536, stripeCount: 4)
        let from = MemoryStore()
        from.addImage("vm", contents: sample(10_000), layout: layout)
        try await from.takeSnapshot("a")
        for (format, expected) in [(ImageV2Format(), layout), (DiffV1Format(), .standard)]
            as [(any StreamFormat, ImageLayout)]
        {
            let to = MemoryStore()
            try await importing(exported(StreamExport(snapshot: "a", format: format), in: from), into: to)
            let image = try await to.openSource("vm")
            #expect(image.layout == expected)
            await image.close()
        }
    }

    @Test("up to a snapshot in the middle has the history up to there")
    func partOfHistory() async throws {
        let (from, to) = (MemoryStore(), MemoryStore())
        var history = RandomHistory(from, seed: 99, byteCountMax: 50_000)
        try await history.make(Self.snapshots)
        try await importing(exported(StreamExport(snapshot: "s3@x", format: ImageV2Format()), in: from), into: to)
        let expected = try #require(try await from.state())
        let found = try #require(try await to.state())
        let isEqual =
            found.snapshots == Array(expected.snapshots.prefix(3)) && found.head == expected.snapshots[2].bytes
        #expect(isEqual)
    }
}
