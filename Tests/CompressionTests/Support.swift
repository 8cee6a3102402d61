import TestSupport

/// Text that compresses about as text does: words in random order.
func text(byteCount: Int, seed: UInt64 = 1) -> [UInt8] {
    let words = "image snapshot extent mirror object pool cluster delta block record frame digest watermark offset"
        .split(separator: " ")
    var generator = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
        bytes += words[Int.random(in: 0..<words.count, using: &generator)].utf8
        bytes.append(UInt8(ascii: " "))
    }
    return Array(bytes.prefix(byteCount))
}

/// Bytes that no compressor can shrink.
func random(byteCount: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
}

/// Frames made by hand after RFC 8878, for what no compressor writes.
enum Frames {
    private static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    /// One raw block, in a frame that states `stating` as its content's size.
    static func ofRawBlock(stating: UInt64, _ content: [UInt8]) -> [UInt8] {
        // 0xe0: eight bytes of content size, single segment.
        magic + [0xe0] + le(stating, byteCount: 8) + block(kind: 0, byteCount: content.count, isLast: true) + content
    }

    /// Blocks of one repeated byte each, in a frame that states `stating` as its content's size.
    static func ofRepeatedBytes(stating: UInt64, blockCount: Int, blockByteCount: Int) -> [UInt8] {
        // 0xc0, 0x58: eight bytes of content size, a window of 2 MiB.
        let head = magic + [0xc0, 0x58] + le(stating, byteCount: 8)
        return (1...blockCount).reduce(into: head) { frame, number in
            frame += block(kind: 1, byteCount: blockByteCount, isLast: number == blockCount) + [7]
        }
    }

    /// One raw block, in a frame that does not state its content's size.
    static func withoutSize(_ content: [UInt8]) -> [UInt8] {
        // 0x00, 0x58: no content size, a window of 2 MiB.
        magic + [0x00, 0x58] + block(kind: 0, byteCount: content.count, isLast: true) + content
    }

    /// A frame that decoders pass over.
    static func skippable(byteCount: Int) -> [UInt8] {
        [0x50, 0x2a, 0x4d, 0x18] + le(UInt64(byteCount), byteCount: 4) + [UInt8](repeating: 0, count: byteCount)
    }

    private static func block(kind: UInt64, byteCount: Int, isLast: Bool) -> [UInt8] {
        le(UInt64(byteCount) << 3 | kind << 1 | (isLast ? 1 : 0), byteCount: 3)
    }

    private static func le(_ value: UInt64, byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
}
