import DiffStream
import FerryCore
import ImageStore
import MemoryStore
import TestSupport
import Testing

@testable import StreamFiles

private let chunk = StreamBatches.chunkByteCount
private let carried = StreamBatches.carriedByteCountMax
private let granule = 4096

@Suite("Batches of a stream", .timeLimit(.minutes(1)))
struct StreamBatchesTests {
    private let folder: StreamFolder
    private static let image = sample(7 << 20)
    private var image: [UInt8] { Self.image }

    init() throws { folder = try StreamFolder() }

    @Test(
        "join what a chunk's end cuts, wherever the end falls",
        arguments: [(0, .file), (5, .pipe), (4091, .file)] as [(Int, Medium)])
    func cutAtChunkEnd(misalignment: Int, medium: Medium) async throws {
        for lead in [1, 10, granule - 1, granule, granule + 1, carried - 1, carried, carried + 1, 3 * carried] {
            let head = diff(DiffHeader(toSnapshot: "b", imageByteCount: UInt64(image.count)), []).count - 1
            // The first chunk is as long as one that nothing is carried over to; tag, length, offset and byte count
            // of each of the two writes.
            let fillerByteCount = chunk + carried - head - 2 * 25 - lead
            let second = (fillerByteCount / granule + 2) * granule + misalignment
            let extents = [0..<fillerByteCount, second..<second + chunk + 200_123]
            try await expectJoined(extents, medium, "\(lead) bytes of the write in the first chunk")
        }
    }

    @Test("hold every byte once, in order, for writes of any size at any offset", arguments: 0..<8)
    func anySize(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let sizes = [1, granule - 1, granule, granule + 1, 65_536, chunk - 1, chunk, chunk + 1, 2 * chunk + 777]
        var extents: [Range<Int>] = []
        var offset = 0
        while let size = sizes.randomElement(using: &generator) {
            offset += [0, 1, granule - 1, granule, 5000].randomElement(using: &generator) ?? 0
            guard offset + size <= image.count else { break }
            extents.append(offset..<offset + size)
            offset += size
        }
        try await expectJoined(extents, seed % 2 == 0 ? .file : .pipe, "seed \(seed)")
    }

    @Test("have a bounded number of changes, however small they are")
    func manySmall() async throws {
        let extents = (0..<10_000).map { $0 * 3..<$0 * 3 + 1 }
        try await expectJoined(extents, .file, "small writes")
    }

    @Test("a diff that nobody took batches of is passed over")
    func passedOver() async throws {
        let store = MemoryStore()
        store.addImage("vm", contents: sample(3_000_000))
        try await store.takeSnapshot("a")
        store.overwrite("vm", at: 0, with: sample(2_000_000, seed: 2))
        let stream = try await exported(StreamExport(snapshot: nil, format: ImageV2Format()), in: store)
        let input = try await Medium.file.open(stream, folder)
        let reader = StreamBatches(input)
        #expect(try await reader.nextDiff()?.header.toSnapshot == "a")
        #expect(try await reader.nextDiff()?.number == 2)
        #expect(try await reader.nextDiff()?.number == nil)
        await input.close()
    }

    private func expectJoined(_ extents: [Range<Int>], _ medium: Medium, _ comment: Comment) async throws {
        let stream = diff(
            DiffHeader(toSnapshot: "b", imageByteCount: UInt64(image.count)),
            extents.map { (UInt64($0.lowerBound), Array(image[$0]), UInt64($0.count)) })
        let input = try await medium.open(stream, folder)
        let reader = StreamBatches(input)
        _ = try await reader.nextDiff()
        var pieces: [(offset: Int, bytes: [UInt8])] = []
        while let batch = try await reader.nextBatch() {
            #expect(batch.writes.count <= StreamBatches.writeCountMax, comment)
            #expect(batch.end == batch.writes.last?.end, comment)
            for case .data(let offset, let range) in batch.writes {
                pieces.append((Int(offset), batch.buffer.bytes(in: range)))
            }
        }
        #expect(try await reader.nextDiff()?.number == nil, comment)
        await input.close()
        expect(pieces, toCover: extents, comment)
    }

    private func expect(_ pieces: [(offset: Int, bytes: [UInt8])], toCover extents: [Range<Int>], _ comment: Comment) {
        var rest = pieces[...]
        for extent in extents {
            var position = extent.lowerBound
            while position < extent.upperBound, let piece = rest.popFirst() {
                let isRight =
                    piece.offset == position && piece.bytes[...] == image[position...].prefix(piece.bytes.count)
                #expect(isRight, "\(comment): \(piece.offset) at \(position)")
                #expect(position == extent.lowerBound || position % granule == 0, comment)
                guard isRight else { return }
                position += piece.bytes.count
            }
            #expect(position == extent.upperBound, comment)
        }
        #expect(rest.isEmpty, comment)
    }
}
