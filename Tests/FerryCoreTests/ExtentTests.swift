import FerryCore
import TestSupport
import Testing

@Suite("An extent")
struct ExtentTests {
    @Test("ends where its bytes end")
    func end() {
        #expect(Extent(offset: 10, byteCount: 5).end == 15)
        #expect(Extent(offset: 10, byteCount: 0).end == 10)
        #expect(Extent(offset: .max, byteCount: 0).end == .max)
        #expect(Extent(offset: 0, byteCount: .max).end == .max)
    }

    @Test(
        "from numbers that are not ours is nil when its end does not fit in 64 bits",
        arguments: [
            (0, 0, true), (UInt64.max, 0, true), (0, UInt64.max, true), (1, UInt64.max, false),
            (UInt64.max, 1, false), (1 << 63, 1 << 63, false), (1 << 63, (1 << 63) - 1, true),
        ] as [(UInt64, UInt64, Bool)])
    func untrusted(offset: UInt64, byteCount: UInt64, fits: Bool) {
        let extent = Extent(untrustedOffset: offset, byteCount: byteCount)
        #expect((extent != nil) == fits)
        #expect(extent == nil || extent?.offset == offset && extent?.byteCount == byteCount)
    }

    @Test("traps when our own numbers do not fit")
    func overflow() async {
        await #expect(processExitsWith: .failure) { _ = Extent(offset: .max, byteCount: 1) }
    }

    @Test(
        "is cut from a position on",
        arguments: [
            (0, Extent(offset: 10, byteCount: 5)), (10, Extent(offset: 10, byteCount: 5)),
            (11, Extent(offset: 11, byteCount: 4)), (14, Extent(offset: 14, byteCount: 1)), (15, nil), (99, nil),
        ] as [(UInt64, Extent?)])
    func clippedFrom(position: UInt64, expected: Extent?) {
        #expect(Extent(offset: 10, byteCount: 5).clipped(from: position) == expected)
    }

    @Test(
        "is cut at a position",
        arguments: [
            (0, nil), (10, nil), (11, Extent(offset: 10, byteCount: 1)), (14, Extent(offset: 10, byteCount: 4)),
            (15, Extent(offset: 10, byteCount: 5)), (99, Extent(offset: 10, byteCount: 5)),
        ] as [(UInt64, Extent?)])
    func clippedTo(position: UInt64, expected: Extent?) {
        #expect(Extent(offset: 10, byteCount: 5).clipped(to: position) == expected)
    }

    @Test("that is empty has nothing left however it is cut")
    func empty() {
        let empty = Extent(offset: 10, byteCount: 0)
        for position in 9...11 as ClosedRange<UInt64> {
            #expect(empty.clipped(to: position) == nil)
            #expect(position < 10 || empty.clipped(from: position) == nil)
        }
    }

    @Test("cut at any position gives two parts that make the whole", arguments: 1...20 as ClosedRange<UInt64>)
    func parts(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let extent = Extent(
                offset: .random(in: 0...50, using: &generator), byteCount: .random(in: 1...50, using: &generator))
            let position = UInt64.random(in: 0...120, using: &generator)
            let (head, tail) = (extent.clipped(to: position), extent.clipped(from: position))
            #expect((head?.byteCount ?? 0) + (tail?.byteCount ?? 0) == extent.byteCount, "seed \(seed)")
            #expect(head?.offset ?? tail?.offset == extent.offset, "seed \(seed)")
            #expect(tail?.end ?? head?.end == extent.end, "seed \(seed)")
        }
    }
}
