import FerryCore
import TestSupport
import Testing

@Suite("A watermark")
struct WatermarkTests {
    @Test("rises over pieces that are done, and stops before the first that is not")
    func rises() {
        var watermark = Watermark()
        let pieces = [10, 20, 30].map { watermark.begin(end: $0) }
        let second = watermark.complete(pieces[1])
        #expect(!second)
        #expect(watermark.offset == 0)
        let first = watermark.complete(pieces[0])
        #expect(first)
        #expect(watermark.offset == 20)
        #expect(watermark.pendingCount == 1)
        let third = watermark.complete(pieces[2])
        #expect(third)
        #expect(watermark.offset == 30)
        #expect(watermark.pendingCount == 0)
    }

    @Test("goes on from where an earlier part ended")
    func resumes() {
        var watermark = Watermark(offset: 100)
        #expect(watermark.offset == 100)
        let piece = watermark.begin(end: 100)
        let rose = watermark.complete(piece)
        #expect(!rose)
        #expect(watermark.offset == 100)
    }

    @Test("is what a model says, in any order of completion", arguments: 1...50 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var watermark = Watermark(offset: UInt64.random(in: 0...100, using: &generator))
        var model = Model(start: watermark.offset)
        for _ in 0..<400 {
            if Bool.random(using: &generator) || model.open.isEmpty {
                let end = (model.ends.last ?? model.start) + UInt64.random(in: 0...10, using: &generator)
                let number = watermark.begin(end: end)
                #expect(number == model.ends.count, "seed \(seed)")
                model.open.append(number)
                model.ends.append(end)
            } else {
                let before = model.offset
                let index = Int.random(in: model.open.indices, using: &generator)
                let rose = watermark.complete(model.open.remove(at: index))
                #expect(rose == (model.offset > before), "seed \(seed)")
            }
            #expect(watermark.offset == model.offset, "seed \(seed)")
            #expect(watermark.pendingCount == model.ends.count - model.doneCount, "seed \(seed)")
        }
    }

    /// All pieces, and which of them are not done.
    private struct Model {
        let start: UInt64
        var ends: [UInt64] = []
        var open: [Int] = []

        /// Pieces before the first that is not done.
        var doneCount: Int { open.min() ?? ends.count }
        var offset: UInt64 { doneCount == 0 ? start : ends[doneCount - 1] }
    }

    @Test("traps when pieces do not ascend")
    func descending() async {
        await #expect(processExitsWith: .failure) {
            var watermark = Watermark(offset: 10)
            _ = watermark.begin(end: 9)
        }
    }

    @Test("traps when a piece is done twice")
    func twice() async {
        await #expect(processExitsWith: .failure) {
            var watermark = Watermark()
            let piece = watermark.begin(end: 9)
            watermark.complete(piece)
            watermark.complete(piece)
        }
    }
}
