import Conversation
import DiffStream
import FerryCore
import Planning
import Testing

@testable import Engine

@Suite("What a block may ask of the mirror at most")
struct DeltaIntakeLimitTests {
    private static let imageByteCount: UInt64 = 1 << 30
    private let transfer = TransferIdentity(
        source: ImageIdentity(cluster: "c", pool: 0, image: "i"), base: nil,
        target: SnapshotIdentity(id: 2, name: "b"), mode: .hybrid)

    private var intake: DeltaIntake {
        DeltaIntake(transfer: transfer, targetByteCount: Self.imageByteCount, watermark: 0)
    }

    private var opening: [UInt8] {
        var bytes: [UInt8] = []
        DiffEncoder.appendToSnapshot("b", to: &bytes)
        DiffEncoder.appendImageByteCount(Self.imageByteCount, to: &bytes)
        return bytes
    }

    /// Stretches of zeros of one byte each, with a byte between them.
    private func tinyRecords(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in 0..<UInt64(count) {
            DiffEncoder.appendZero(Extent(offset: 2 * number, byteCount: 1), to: &bytes)
        }
        return bytes
    }

    @Test("tiny records fill a block up to their limit, and one more is refused")
    func tinyRecords() throws {
        let limit = Limits.blockRecordCountMax
        for (count, isRight) in [(limit, true), (limit + 1, false)] {
            var intake = intake
            _ = try intake.take(BufferSlice(DataBuffer(opening)))
            let block = BufferSlice(DataBuffer(tinyRecords(count)))
            #expect(block.byteCount <= Limits.blockContentByteCountMax, "such a block can come")
            if isRight {
                let step = try intake.take(block)
                #expect(step.recordCount == UInt64(count) && step.writes.count == count)
            } else {
                let violation = ProtocolViolation(
                    .contradiction("records in a block", expected: "at most \(limit)", found: "more"))
                #expect(throws: violation) { try intake.take(block) }
            }
        }
    }

    @Test("a snapshot's name that is spelled with other bytes is another name")
    func otherSpelling() throws {
        let transfer = TransferIdentity(
            source: transfer.source, base: nil, target: SnapshotIdentity(id: 2, name: "\u{e9}"), mode: .hybrid)
        for (name, isRight) in [("\u{e9}", true), ("e\u{301}", false)] {
            var intake = DeltaIntake(transfer: transfer, targetByteCount: Self.imageByteCount, watermark: 0)
            var bytes: [UInt8] = []
            DiffEncoder.appendToSnapshot(name, to: &bytes)
            DiffEncoder.appendImageByteCount(Self.imageByteCount, to: &bytes)
            let block = BufferSlice(DataBuffer(bytes))
            if isRight {
                #expect(try intake.take(block).resize == Self.imageByteCount)
            } else {
                #expect(throws: ProtocolViolation.self) { try intake.take(block) }
            }
        }
    }

    @Test("records that are passed over in a file have no place in a block")
    func unknownRecord() throws {
        var intake = intake
        let unknown: [UInt8] = [UInt8(ascii: "q"), 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]
        let violation = ProtocolViolation(
            .contradiction("standard record", expected: "one of f t p s w z e", found: "tag 113"))
        #expect(throws: violation) { try intake.take(BufferSlice(DataBuffer(opening + unknown))) }
    }
}
