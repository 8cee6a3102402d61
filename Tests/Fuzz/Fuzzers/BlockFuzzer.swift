import Compression
import Conversation
import FerryCore
import OpenSSL

@testable import Engine

/// Blocks as they come from a peer, and zstd streams as they come from a file: inflation never yields another size than
/// was announced, and what is compressed here comes back.
///
/// Input: a kind, then what it says.
enum BlockFuzzer: Fuzzer {
    static let name = "blocks"

    private static let compressor = BlockCompressor()
    private static let decompressor = BlockDecompressor()

    static func seeds(golden: [[UInt8]]) throws -> [[UInt8]] {
        let text = Array(String(repeating: "a snapshot and its mirror, ", count: 30).utf8)
        let contents = [text, [UInt8](repeating: 0, count: 200_000)] + golden.map { Array($0.prefix(3000)) }
        return try contents.flatMap { content -> [[UInt8]] in
            guard let frame = try compressor.compress(content.span, level: 3)?.bytes else { return [] }
            let size = (0..<3).map { UInt8(truncatingIfNeeded: content.count >> (8 * $0)) }
            let header = BlockHeader(
                coding: .zstd, contentByteCount: content.count, digest: BlockDigest.digest(content.span))
            return [
                [0] + header.encoded + frame, [1] + size + frame, [2, 0, 40] + frame, [2, 5, 1] + frame + frame,
                [3, 1] + content.prefix(500),
            ]
        }
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        do {
            switch input.byte() % 4 {
            case 0: try open(input.remainder())
            case 1: try inflate(input.bytes(3), input.remainder())
            case 2: try inflateStream(Slicing(seed: input.byte()), roomByteCount: 1 + Int(input.byte()), &input)
            default: try roundTrip(level: Int(input.byte() % 6) - 2, input.remainder())
            }
        } catch let error as any Failure {
            requireShowable(error)
        } catch {
            fail("errors are failures: \(error)")
        }
    }

    /// A block's payload as it came.
    private static func open(_ payload: [UInt8]) throws {
        let block = try OpenedBlock(payload: BufferSlice(DataBuffer(payload)), number: 7, decompressor: decompressor)
        require(block.digest == BlockDigest.digest(block.content.bytes.span), "a block's digest is its content's")
        require(block.content.byteCount <= Limits.blockContentByteCountMax, "a block's content keeps its limit")
    }

    /// A frame; the digest, which no fuzzer guesses, is made to fit.
    private static func inflate(_ size: [UInt8], _ frame: [UInt8]) throws {
        let byteCount = size.reversed().reduce(0) { $0 << 8 | Int($1) }
        let content = try decompressor.decompress(frame.span, contentByteCount: byteCount)
        require(content.byteCount == byteCount, "a frame yields what was announced")
        guard byteCount <= Limits.blockContentByteCountMax else { return }
        let digest = content.withSpan { BlockDigest.digest($0) }
        let header = BlockHeader(coding: .zstd, contentByteCount: byteCount, digest: digest)
        try open(header.encoded + frame)
    }

    private static func inflateStream(_ slicing: Slicing, roomByteCount: Int, _ input: inout FuzzInput) throws {
        let decompressor = try StreamDecompressor()
        let room = DataBuffer(byteCount: roomByteCount)
        // A frame of a few bytes may hold gigabytes; its reader stops when it has seen enough, as do we.
        var stepCount = 0
        for slice in slicing.slices(of: input.remainder()) {
            var position = 0
            while position < slice.count || decompressor.holdsContent, stepCount < 4096 {
                let piece = slice.span.extracting(position..<slice.count)
                let step = try decompressor.decompress(piece, into: room, range: 0..<roomByteCount)
                require(step.consumedByteCount <= slice.count - position, "no more is taken than there is")
                require(step.producedByteCount <= roomByteCount, "no more is given than there is room for")
                require(step.consumedByteCount + step.producedByteCount > 0 || piece.isEmpty, "each step goes on")
                position += step.consumedByteCount
                stepCount += 1
            }
        }
        try decompressor.finish()
    }

    private static func roundTrip(level: Int, _ content: [UInt8]) throws {
        guard !content.isEmpty else { return }
        let buffer = DataBuffer([UInt8](repeating: 0, count: SealedBlock.frontByteCount) + content)
        let sealed = try SealedBlock(
            content: BufferSlice(buffer).dropFirst(SealedBlock.frontByteCount), recordCount: 1, dataRecordCount: 1,
            end: 1, compressor: compressor, level: level < 0 ? nil : level)
        var decoder = WireDecoder()
        var position = 0
        let wire = WireDecoder.banner + sealed.wire.bytes
        guard let record = try decoder.next(wire.span, at: &position), record.tag == .block else {
            fail("a sealed block is a whole record")
        }
        let opened = try OpenedBlock(payload: record.payload, number: 0, decompressor: decompressor)
        require(opened.content.bytes == content, "a block's content comes back")
        require(opened.digest == sealed.digest, "a block's digest comes back")
    }
}
