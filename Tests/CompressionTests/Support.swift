import Compression
import FerryCore
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

    /// One raw block, in a frame that does not state its content's size, and asks for a window of
    /// 2 to the power of `windowLog` bytes.
    static func withoutSize(_ content: [UInt8], windowLog: UInt8 = 21) -> [UInt8] {
        // 0x00: no content size. The window's exponent starts at 10, in the upper five bits.
        magic + [0x00, (windowLog - 10) << 3] + block(kind: 0, byteCount: content.count, isLast: true) + content
    }

    /// A whole frame of zstd 0.7, with 272 bytes in one raw block.
    static func ofOldFormat() -> [UInt8] {
        // 0x60: two bytes of content size less 256, single segment. 0x40: a raw block; 0xc0: the end.
        [0x27, 0xb5, 0x2f, 0xfd, 0x60, 0x10, 0x00, 0x40, 0x01, 0x10] + [UInt8](repeating: 7, count: 272) + [0xc0, 0, 0]
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

/// Compresses `content`, handed over in pieces of `pieceByteCount`, with room for `roomByteCount` at a time.
func compressed(
    _ content: [UInt8], pieceByteCount: Int = 100_000, roomByteCount: Int = 65536, level: Int = 3, workerCount: Int = 0
) throws -> [UInt8] {
    let compressor = try StreamCompressor(level: level, workerCount: workerCount)
    let room = DataBuffer(byteCount: roomByteCount)
    var frame: [UInt8] = []
    var rest = 0..<content.count
    while !rest.isEmpty {
        let piece = content.span.extracting(rest.prefix(pieceByteCount))
        let step = try compressor.compress(piece, into: room, range: 0..<roomByteCount)
        rest = (rest.lowerBound + step.consumedByteCount)..<rest.upperBound
        room.append(0..<step.producedByteCount, to: &frame)
    }
    var isComplete = false
    while !isComplete {
        let end = try compressor.finish(into: room, range: 0..<roomByteCount)
        room.append(0..<end.producedByteCount, to: &frame)
        isComplete = end.isComplete
    }
    return frame
}

/// Inflates a whole stream, handed over in pieces of `pieceByteCount`, with room for `roomByteCount` at a time.
func inflated(_ stream: [UInt8], pieceByteCount: Int = 100_000, roomByteCount: Int = 65536) throws -> [UInt8] {
    let decompressor = try StreamDecompressor()
    let room = DataBuffer(byteCount: roomByteCount)
    var content: [UInt8] = []
    var rest = 0..<stream.count
    while !rest.isEmpty || decompressor.holdsContent {
        let piece = stream.span.extracting(rest.prefix(pieceByteCount))
        let step = try decompressor.decompress(piece, into: room, range: 0..<roomByteCount)
        rest = (rest.lowerBound + step.consumedByteCount)..<rest.upperBound
        room.append(0..<step.producedByteCount, to: &content)
    }
    try decompressor.finish()
    return content
}
