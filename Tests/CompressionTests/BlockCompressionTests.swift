import Compression
import FerryCore
import TestSupport
import Testing

@Suite("Compressed blocks")
struct BlockCompressionTests {
    private let compressor = BlockCompressor()
    private let decompressor = BlockDecompressor()

    @Test("content comes back as it was, at any level", arguments: [-7, -1, 1, 3, 19], [2, 500, 65536, 1_048_576])
    func roundTrip(level: Int, byteCount: Int) throws {
        let content = text(byteCount: byteCount)
        guard let frame = try compressor.compress(content.span, level: level)?.bytes else {
            #expect(byteCount == 2, "text shrinks")
            return
        }
        #expect(frame.count < byteCount)
        let back = try decompressor.decompress(frame.span, contentByteCount: byteCount)
        #expect(back.byteCount == byteCount)
        #expect(back.bytes(in: 0..<byteCount) == content)
    }

    @Test("in front of a frame is the room that was asked for, and it is the caller's")
    func room() throws {
        let output = try #require(try compressor.compress(text(byteCount: 1000).span, level: 1, frontByteCount: 3))
        output.buffer.write([1, 2, 3].span, at: output.range.lowerBound)
        #expect(output.bytes.prefix(3) == [1, 2, 3])
        let frame = Array(output.bytes.dropFirst(3))
        #expect(try decompressor.decompress(frame.span, contentByteCount: 1000).byteCount == 1000)
    }

    @Test("content that does not shrink is left alone", arguments: [0, 1, 2, 20, 1000, 1_048_576], [1, 3, 6])
    func incompressible(byteCount: Int, level: Int) throws {
        let content = random(byteCount: byteCount, seed: 7)
        #expect(try compressor.compress(content.span, level: level, frontByteCount: 30) == nil)
    }

    @Test("at slow levels too, content that shrinks at one end only is compressed", arguments: [3, 6])
    func slowLevels(level: Int) throws {
        let halves = [random(byteCount: 524_288, seed: 7), text(byteCount: 524_288)]
        for content in [halves[0] + halves[1], halves[1] + halves[0]] {
            let frame = try #require(try compressor.compress(content.span, level: level)).bytes
            #expect(frame.count < content.count * 4 / 5)
            let back = try decompressor.decompress(frame.span, contentByteCount: content.count)
            #expect(back.bytes(in: 0..<content.count) == content)
        }
    }

    @Test("content that only half shrinks is compressed, whichever half comes first")
    func halfCompressible() throws {
        let halves = [random(byteCount: 524_288, seed: 7), text(byteCount: 524_288)]
        for content in [halves[0] + halves[1], halves[1] + halves[0]] {
            let frame = try frame(content)
            #expect(frame.count < content.count * 4 / 5)
            let back = try decompressor.decompress(frame.span, contentByteCount: content.count)
            #expect(back.bytes(in: 0..<content.count) == content)
        }
    }

    @Test("a level that zstd does not know is refused")
    func badLevel() {
        #expect(throws: ZstdError(.badSetting)) {
            _ = try compressor.compress(text(byteCount: 100).span, level: 1000)
        }
    }

    @Test("a frame whose size is not the announced one is refused before memory is taken")
    func announcedSize() throws {
        let frame = try frame(text(byteCount: 1000))
        for announced in [999, 1001, 0, Int.max] {
            #expect(throws: ZstdError(.sizeDiffers, expected: UInt64(announced), found: 1000)) {
                _ = try decompressor.decompress(frame.span, contentByteCount: announced)
            }
        }
        #expect(throws: ZstdError(.sizeDiffers, expected: 0, found: 1000)) {
            _ = try decompressor.decompress(frame.span, contentByteCount: -1)
        }
    }

    @Test("a frame that claims an exabyte is refused by what was announced")
    func claimsTooMuch() {
        #expect(throws: ZstdError(.sizeDiffers, expected: 1000, found: 1 << 60)) {
            _ = try decompressor.decompress(Frames.ofRawBlock(stating: 1 << 60, []).span, contentByteCount: 1000)
        }
    }

    @Test("a frame that inflates to more or less than it states is refused")
    func liesAboutItsSize() {
        let bytes = Array("hello".utf8)
        #expect(throws: Never.self) {
            try decompressor.decompress(Frames.ofRawBlock(stating: 5, bytes).span, contentByteCount: 5)
        }
        for stated in [4, 6] {
            #expect(throws: ZstdError(.damaged)) {
                _ = try decompressor.decompress(
                    Frames.ofRawBlock(stating: UInt64(stated), bytes).span, contentByteCount: stated)
            }
        }
    }

    @Test("a bomb stops at what was announced")
    func bomb() throws {
        // 64 blocks of 128 KiB of one repeated byte each, 4 bytes a block: 8 MiB, of which 1 KiB is admitted to.
        let bomb = Frames.ofRepeatedBytes(stating: 1024, blockCount: 64, blockByteCount: 128 * 1024)
        #expect(bomb.count < 300)
        #expect(throws: ZstdError(.damaged)) {
            _ = try decompressor.decompress(bomb.span, contentByteCount: 1024)
        }
    }

    @Test("a frame that does not state its size is refused")
    func unstatedSize() {
        #expect(throws: ZstdError(.sizeNotStated)) {
            _ = try decompressor.decompress(Frames.withoutSize(Array("hello".utf8)).span, contentByteCount: 5)
        }
    }

    @Test("a frame cut after any byte is refused")
    func cut() throws {
        let frame = try frame(text(byteCount: 1000))
        for end in 0..<frame.count {
            let piece = Array(frame[..<end])
            let error = #expect(throws: ZstdError.self, "cut after \(end) bytes") {
                _ = try decompressor.decompress(piece.span, contentByteCount: 1000)
            }
            #expect(error?.code == .notAFrame)
        }
    }

    @Test("nothing may follow a frame: no byte, no second frame, no skippable one")
    func trailing() throws {
        let frame = try frame(text(byteCount: 1000))
        for tail in [[0], frame, Frames.skippable(byteCount: 10)] {
            let frameByteCount = UInt64(frame.count)
            #expect(
                throws: ZstdError(
                    .trailingBytes, expected: frameByteCount, found: frameByteCount + UInt64(tail.count))
            ) {
                _ = try decompressor.decompress((frame + tail).span, contentByteCount: 1000)
            }
        }
    }

    @Test(
        "what is no frame is refused",
        arguments: [[], [0x28], [1, 2, 3, 4, 5, 6, 7, 8], [UInt8](repeating: 0, count: 64)])
    func notAFrame(bytes: [UInt8]) {
        #expect(throws: ZstdError(.notAFrame)) {
            _ = try decompressor.decompress(bytes.span, contentByteCount: 100)
        }
    }

    @Test("a frame of an old format is refused, whatever libzstd can read")
    func oldFormat() {
        #expect(throws: ZstdError(.notAFrame)) {
            _ = try decompressor.decompress(Frames.ofOldFormat().span, contentByteCount: 272)
        }
    }

    @Test("a window of 2 GiB takes no memory, and one of more is refused")
    func hugeWindow() throws {
        var frame = Frames.ofRepeatedBytes(stating: 1024, blockCount: 1, blockByteCount: 1024)
        frame[5] = (31 - 10) << 3
        let content = try decompressor.decompress(frame.span, contentByteCount: 1024)
        #expect(content.bytes(in: 0..<1024) == [UInt8](repeating: 7, count: 1024))
        frame[5] = (32 - 10) << 3
        #expect(throws: ZstdError(.notAFrame)) {
            _ = try decompressor.decompress(frame.span, contentByteCount: 1024)
        }
    }

    @Test("a skippable frame has no content")
    func skippable() {
        #expect(throws: ZstdError(.sizeDiffers, expected: 100, found: 0)) {
            _ = try decompressor.decompress(Frames.skippable(byteCount: 100).span, contentByteCount: 100)
        }
    }

    @Test("a damaged frame gives an error or other content, and the next frame is not harmed")
    func damage() throws {
        let content = text(byteCount: 5000)
        let whole = try frame(content)
        for seed in UInt64(1)...500 {
            var generator = SeededGenerator(seed: seed)
            var damaged = whole
            damaged[Int.random(in: 0..<whole.count, using: &generator)] ^= .random(in: 1...255, using: &generator)
            if let back = try? decompressor.decompress(damaged.span, contentByteCount: 5000) {
                #expect(back.byteCount == 5000, "seed \(seed)")
            }
        }
        #expect(try decompressor.decompress(whole.span, contentByteCount: 5000).bytes(in: 0..<5000) == content)
    }

    @Test("many threads share a compressor and a decompressor")
    func concurrent() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for seed in UInt64(1)...64 {
                group.addTask {
                    let byteCount = 10000 + Int(seed) * 100
                    let content = text(byteCount: byteCount, seed: seed)
                    let level = Int(seed % 4) + 1
                    guard let frame = try compressor.compress(content.span, level: level) else { return false }
                    let back = try decompressor.decompress(frame.bytes.span, contentByteCount: byteCount)
                    return back.bytes(in: 0..<byteCount) == content
                }
            }
            for try await isEqual in group { #expect(isEqual) }
        }
    }

    @Test("an error says in one line what is wrong, with the numbers")
    func errorText() {
        #expect(
            ZstdError(.sizeDiffers, expected: 1000, found: 999).cause
                == "zstd: the frame's size is not the announced one, expected 1000 bytes, found 999 bytes")
    }

    private func frame(_ content: [UInt8]) throws -> [UInt8] {
        try #require(try compressor.compress(content.span, level: 1)).bytes
    }
}
