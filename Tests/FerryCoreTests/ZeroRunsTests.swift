import FerryCore
import TestSupport
import Testing

@Suite("Runs of data and zeros")
struct ZeroRunsTests {
    private func run(_ range: Range<Int>, _ isZero: Bool) -> BufferRun { BufferRun(range: range, isZero: isZero) }

    @Test("are aligned in the image, not in the buffer")
    func aligned() {
        var bytes = [UInt8](repeating: 0, count: 20)
        bytes[9] = 1
        let buffer = DataBuffer(bytes)
        #expect(
            buffer.runs(in: 0..<20, imageOffset: 0, granuleByteCount: 4) == [
                run(0..<8, true), run(8..<12, false), run(12..<20, true),
            ])
        #expect(
            buffer.runs(in: 0..<20, imageOffset: 3, granuleByteCount: 4) == [
                run(0..<9, true), run(9..<13, false), run(13..<20, true),
            ])
    }

    @Test("of an empty range are none")
    func empty() {
        #expect(DataBuffer([1, 2]).runs(in: 1..<1, imageOffset: 7) == [])
    }

    @Test(
        "cover the range, alternate, and split where the image's granules do",
        arguments: 1...200 as ClosedRange<UInt64>)
    func properties(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let granule = [1, 2, 8, 16, 4096].randomElement(using: &generator) ?? 8
        let bytes = randomBytes(granule: granule, &generator)
        let lower = Int.random(in: 0...min(bytes.count, 2 * granule), using: &generator)
        let range = lower..<Int.random(in: lower...bytes.count, using: &generator)
        let imageOffset = UInt64.random(in: 0...UInt64(3 * granule), using: &generator)
        let runs = DataBuffer(bytes).runs(in: range, imageOffset: imageOffset, granuleByteCount: granule)

        #expect(runs.first?.range.lowerBound ?? lower == lower, "seed \(seed)")
        #expect(runs.last?.range.upperBound ?? lower == range.upperBound, "seed \(seed)")
        for (one, next) in zip(runs, runs.dropFirst()) {
            #expect(one.range.upperBound == next.range.lowerBound, "seed \(seed)")
            #expect(one.isZero != next.isZero, "seed \(seed)")
            let imagePosition = imageOffset + UInt64(next.range.lowerBound - lower)
            #expect(imagePosition % UInt64(granule) == 0, "seed \(seed)")
        }
        for run in runs {
            #expect(!run.range.isEmpty, "seed \(seed)")
            checkGranules(run, bytes, imageOffset: imageOffset, lower: lower, granule: granule, seed: seed)
        }
    }

    /// Every granule of a run is all zeros, or has a byte that is not, as the run says.
    private func checkGranules(
        _ run: BufferRun, _ bytes: [UInt8], imageOffset: UInt64, lower: Int, granule: Int, seed: UInt64
    ) {
        var position = run.range.lowerBound
        while position < run.range.upperBound {
            let intoGranule = Int((imageOffset + UInt64(position - lower)) % UInt64(granule))
            let end = min(run.range.upperBound, position + granule - intoGranule)
            #expect(bytes[position..<end].allSatisfy { $0 == 0 } == run.isZero, "seed \(seed), byte \(position)")
            position = end
        }
    }

    private func randomBytes(granule: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int.random(in: 0...9 * granule, using: &generator))
        guard !bytes.isEmpty else { return bytes }
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            let start = Int.random(in: bytes.indices, using: &generator)
            let end = min(bytes.count, start + Int.random(in: 1...granule, using: &generator))
            for index in start..<end { bytes[index] = 7 }
        }
        return bytes
    }
}
