import FerryCore
import Testing

@Suite("A data buffer")
struct DataBufferTests {
    @Test("holds a copy of bytes and gives them back")
    func copies() {
        let buffer = DataBuffer([1, 2, 3, 4])
        #expect(buffer.byteCount == 4)
        #expect(buffer.bytes(in: 1..<3) == [2, 3])
        #expect(buffer.withSpan { $0.count } == 4)
        #expect(buffer.withSpan { $0[3] } == 4)
        var array: [UInt8] = [9]
        buffer.append(2..<4, to: &array)
        buffer.append(0..<0, to: &array)
        #expect(array == [9, 3, 4])
    }

    @Test("may be empty")
    func empty() {
        let buffer = DataBuffer([])
        #expect(buffer.byteCount == 0)
        #expect(buffer.bytes(in: 0..<0) == [])
        #expect(buffer.isZero(0..<0))
        #expect(buffer.withSpan { $0.isEmpty })
    }

    @Test("sees one byte that is not zero wherever it is", arguments: [1, 2, 3, 7, 8, 9, 31, 64, 100])
    func oneByte(byteCount: Int) {
        let buffer = DataBuffer([UInt8](repeating: 0, count: byteCount + 2))
        // What lies around the range is no part of the answer.
        buffer.unsafeBytes[0] = 0xFF
        buffer.unsafeBytes[byteCount + 1] = 0xFF
        let range = 1..<byteCount + 1
        #expect(buffer.isZero(range))
        for position in range {
            buffer.unsafeBytes[position] = 1
            #expect(!buffer.isZero(range), "byte \(position)")
            buffer.unsafeBytes[position] = 0
        }
        #expect(!buffer.isZero(0..<byteCount))
        #expect(!buffer.isZero(1..<byteCount + 2))
    }

    @Test("that repeats one byte is not zero unless that byte is")
    func repeated() {
        let buffer = DataBuffer([UInt8](repeating: 5, count: 100))
        #expect(!buffer.isZero(0..<100))
        #expect(buffer.isZero(50..<50))
    }
}
