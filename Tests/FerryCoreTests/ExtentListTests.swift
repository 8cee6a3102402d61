import FerryCore
import Testing

@Suite("A list of extents")
struct ExtentListTests {
    private static func extents(_ pairs: [(UInt64, UInt64)]) -> [Extent] {
        pairs.map { Extent(offset: $0.0, byteCount: $0.1) }
    }

    @Test("joins what begins where the last ends")
    func joining() {
        var list: [Extent] = []
        for extent in Self.extents([(0, 5), (5, 5), (11, 1)]) { list.appendJoining(extent) }
        #expect(list == Self.extents([(0, 10), (11, 1)]))
    }

    @Test(
        "has a sum when its extents ascend, are apart and end in bounds",
        arguments: [
            ([], 0), ([(0, 100)], 100), ([(0, 10), (10, 5), (99, 1)], 16), ([(0, 101)], nil), ([(100, 1)], nil),
            ([(5, 0)], nil), ([(0, 10), (9, 5)], nil), ([(20, 5), (0, 5)], nil), ([(0, 5), (0, 5)], nil),
            ([(.max, 0)], nil), ([(0, .max)], nil),
        ] as [([(UInt64, UInt64)], UInt64?)])
    func ascending(_ pairs: [(UInt64, UInt64)], _ sum: UInt64?) {
        #expect(Self.extents(pairs).ascendingByteCount(upTo: 100) == sum)
    }
}
