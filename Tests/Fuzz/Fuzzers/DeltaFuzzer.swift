import Conversation
import DiffStream
import FerryCore
import ImageStore
import Planning

@testable import Engine

/// Blocks' contents to changes of a mirror: whatever they hold, changes ascend inside the image, data lie in their block,
/// and how far the delta has come never falls.
///
/// Input: options, the watermark, then blocks: two bytes of length and the content.
enum DeltaFuzzer: Fuzzer {
    static let name = "delta"

    private static let imageByteCount: UInt64 = 1 << 20
    private static let source = ImageIdentity(cluster: "c", pool: 0, image: "i")

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        var opening: [UInt8] = []
        DiffEncoder.appendFromSnapshot("a", to: &opening)
        DiffEncoder.appendToSnapshot("b", to: &opening)
        DiffEncoder.appendProtection(false, to: &opening)
        DiffEncoder.appendImageByteCount(imageByteCount, to: &opening)
        var records: [UInt8] = []
        DiffEncoder.appendWriteHeader(Extent(offset: 4096, byteCount: 3), to: &records)
        records += [1, 2, 3]
        DiffEncoder.appendZero(Extent(offset: 8192, byteCount: 4096), to: &records)
        let end = [DiffTag.end]
        let full = opening.dropFirst(14)
        return [
            block(opening + records + end), block(opening) + block(records) + block(end),
            block(opening + records) + block(records), block(opening + records.dropLast()) + block(records),
        ].map { [1, 0] + $0 } + [[0, 0] + block(Array(full) + records + end), [1, 64] + block(opening + records)]
    }

    private static func block(_ content: [UInt8]) -> [UInt8] {
        [UInt8(content.count & 0xff), UInt8(content.count >> 8)] + content
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let transfer = TransferIdentity(
            source: source, base: input.byte() & 1 != 0 ? SnapshotIdentity(id: 1, name: "a") : nil,
            target: SnapshotIdentity(id: 2, name: "b"), mode: .hybrid)
        let watermark = UInt64(input.byte()) << 8
        var intake = DeltaIntake(transfer: transfer, targetByteCount: imageByteCount, watermark: watermark)
        var (end, isOpened) = (watermark, false)
        while !input.isEmpty {
            let content = BufferSlice(DataBuffer(input.bytes(input.length())))
            do {
                let step = try intake.take(content)
                require(step.end >= end && step.end <= imageByteCount, "how far a delta has come never falls")
                if let byteCount = step.resize {
                    require(byteCount == imageByteCount && !isOpened, "a delta opens once, as was agreed")
                    isOpened = true
                }
                check(step, in: content, after: end, isOpened: isOpened)
                end = step.end
            } catch let error as any Failure {
                return requireShowable(error)
            } catch {
                fail("errors are failures: \(error)")
            }
        }
    }

    private static func check(_ step: DeltaIntake.Step, in content: BufferSlice, after start: UInt64, isOpened: Bool) {
        require(step.recordCount <= UInt64(Limits.blockRecordCountMax), "a block has no more records than the limit")
        require(UInt64(step.writes.count) <= step.recordCount, "a change comes of a record")
        require(step.writes.isEmpty || isOpened, "nothing is written before a delta is known to be the right one")
        var position = start
        for write in step.writes {
            switch write {
            case .data(let offset, let range):
                require(offset >= position, "changes ascend")
                require(
                    range.lowerBound >= content.range.lowerBound && range.upperBound <= content.range.upperBound
                        && !range.isEmpty, "data lie in their block")
            case .zeroes(let extent): require(extent.offset >= position && extent.byteCount > 0, "changes ascend")
            }
            require(write.end <= imageByteCount, "changes end inside the image")
            position = write.end
        }
        require(position <= step.end, "changes end where the step says")
    }
}
