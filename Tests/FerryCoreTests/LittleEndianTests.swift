import FerryCore
import TestSupport
import Testing

/// Reads through a span that does not outlive the array.
private func read<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, _ bytes: [UInt8], at index: Int
) -> Value? {
    bytes.span.littleEndian(type, at: index)
}

@Suite("Little-endian integers")
struct LittleEndianTests {
    @Test("are written least byte first")
    func written() {
        var bytes: [UInt8] = [0xFF]
        bytes.append(littleEndian: 0x12 as UInt8)
        bytes.append(littleEndian: 0x1234 as UInt16)
        bytes.append(littleEndian: 0x1234_5678 as UInt32)
        bytes.append(littleEndian: 0x0123_4567_89AB_CDEF as UInt64)
        #expect(
            bytes == [
                0xFF, 0x12, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01,
            ])
    }

    @Test("are read back from where they were written", arguments: 1...20 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for value in [0, 1, .max, 1 << 63, generator.next()] as [UInt64] {
            var bytes = [UInt8](repeating: 0xEE, count: Int.random(in: 0...9, using: &generator))
            let index = bytes.count
            bytes.append(littleEndian: value)
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: value))
            #expect(read(UInt64.self, bytes, at: index) == value, "seed \(seed)")
            let short = UInt32(truncatingIfNeeded: value)
            #expect(read(UInt32.self, bytes, at: index + 8) == short, "seed \(seed)")
        }
    }

    @Test("that the bytes end before are nil", arguments: [-1, 1, 2, 8, 9, Int.max, Int.min])
    func outside(index: Int) {
        let bytes = [UInt8](repeating: 1, count: 8)
        #expect(read(UInt64.self, bytes, at: index) == nil)
    }

    @Test("that end with the last byte are read")
    func atTheEnd() {
        let bytes: [UInt8] = [9, 9, 1, 0]
        #expect(read(UInt16.self, bytes, at: 2) == 1)
        #expect(read(UInt8.self, bytes, at: 3) == 0)
        #expect(read(UInt8.self, [], at: 0) == nil)
    }
}
