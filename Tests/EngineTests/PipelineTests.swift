import Conversation
import DiffStream
import FerryCore
import ImageStore
import Pipeline
import Synchronization
import TestSupport
import Testing

@testable import Engine

@Suite("What a block asks of the mirror")
struct DeltaIntakeTests {
    private let transfer = TransferIdentity(
        source: ImageIdentity(cluster: "c", pool: 0, image: "i"), base: SnapshotIdentity(id: 1, name: "a"),
        target: SnapshotIdentity(id: 2, name: "b"), mode: .hybrid)

    private func opening(from: String? = "a", to: String = "b", byteCount: UInt64 = 1 << 20) -> [UInt8] {
        var bytes: [UInt8] = []
        if let from { DiffEncoder.appendFromSnapshot(from, to: &bytes) }
        DiffEncoder.appendToSnapshot(to, to: &bytes)
        DiffEncoder.appendImageByteCount(byteCount, to: &bytes)
        return bytes
    }

    private func write(_ offset: UInt64, _ data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        DiffEncoder.appendWriteHeader(Extent(offset: offset, byteCount: UInt64(data.count)), to: &bytes)
        return bytes + data
    }

    private var end: [UInt8] {
        var bytes: [UInt8] = []
        DiffEncoder.appendEnd(to: &bytes)
        return bytes
    }

    private func take(_ blocks: [[UInt8]], watermark: UInt64 = 0) throws -> [DeltaIntake.Step] {
        var intake = DeltaIntake(transfer: transfer, targetByteCount: 1 << 20, watermark: watermark)
        return try blocks.map { try intake.take(BufferSlice(DataBuffer($0))) }
    }

    @Test("the size first, then the writes, then the end")
    func whole() throws {
        let steps = try take([opening(), write(4096, [1, 2, 3]), end])
        #expect(steps[0].resize == 1 << 20 && steps[0].writes.isEmpty)
        #expect(steps[1].writes == [.data(offset: 4096, range: 25..<28)])
        #expect(steps[1].end == 4099 && steps[1].recordCount == 1)
        #expect(steps[2].end == 1 << 20)
    }

    @Test("data are found in the buffer that a block came in, wherever its content begins there")
    func sliceOfBuffer() throws {
        var intake = DeltaIntake(transfer: transfer, targetByteCount: 1 << 20, watermark: 0)
        let buffer = DataBuffer([9, 9, 9] + opening() + write(4096, [1, 2, 3]))
        let step = try intake.take(BufferSlice(buffer).dropFirst(3))
        let start = buffer.byteCount - 3
        #expect(step.writes == [.data(offset: 4096, range: start..<start + 3)])
    }

    @Test("a stream that does not belong to the agreed transfer is refused before its size is acted on")
    func otherTransfer() {
        for first in [opening(from: "x"), opening(from: nil), opening(to: "x"), opening(byteCount: 1 << 19)] {
            #expect(throws: ProtocolViolation.self) { try take([first, write(0, [1])]) }
            #expect(throws: ProtocolViolation.self) { try take([first, end]) }
            #expect(throws: ProtocolViolation.self) { try take([first]) }
        }
    }

    @Test("extents outside the image, backward, overlapping, or below the watermark are refused")
    func extents() {
        #expect(throws: DiffError.self) { try take([opening(), write((1 << 20) - 1, [1, 2])]) }
        #expect(throws: DiffError.self) { try take([opening(), write(4096, [1]), write(0, [1])]) }
        #expect(throws: DiffError.self) { try take([opening(), write(0, [1, 2]), write(1, [1])]) }
        #expect(throws: DiffError.self) { try take([opening(), write(100, [1])], watermark: 101) }
    }

    @Test("a block that ends inside a record is refused")
    func cutRecord() {
        #expect(throws: (any Error).self) { try take([opening(), Array(write(0, [1, 2, 3]).dropLast())]) }
    }

    @Test("data before the opening records, and anything after the end, is refused")
    func disorder() {
        #expect(throws: (any Error).self) { try take([write(0, [1])]) }
        #expect(throws: (any Error).self) { try take([opening(), end, write(0, [1])]) }
    }
}

@Suite("The stall watch")
struct StallWatchTests {
    @Test("counts that change keep it quiet; the same counts for the limit do not")
    func stalls() throws {
        let begin = ContinuousClock.now
        var watch = StallWatch(limit: .seconds(10))
        var counts = TransferMeter.Counts()
        try watch.check(counts, now: begin)
        counts.readByteCount = 1
        try watch.check(counts, now: begin + .seconds(9))
        try watch.check(counts, now: begin + .seconds(18))
        #expect(throws: EngineError.self) { try watch.check(counts, now: begin + .seconds(20)) }
        try watch.check(nil, now: begin + .seconds(40))
        #expect(throws: Never.self) { try watch.check(counts, now: begin + .seconds(60)) }
    }
}
