import FerryCore
import TestSupport
import Testing

@testable import Compression

@Suite("Compressed streams")
struct StreamCompressionTests {
    @Test(
        "content comes back as it was, at any level, however it is cut", arguments: [-5, 1, 3, 12],
        [0, 1, 1000, 3_000_000])
    func roundTrip(level: Int, byteCount: Int) throws {
        let content = text(byteCount: byteCount)
        let frame = try compressed(content, level: level)
        #expect(byteCount < 1000 || frame.count < byteCount)
        #expect(try inflated(frame) == content)
    }

    @Test("single bytes of input and of room are enough")
    func singleBytes() throws {
        let content = text(byteCount: 3000)
        let frame = try compressed(content, pieceByteCount: 1, roomByteCount: 1)
        #expect(try inflated(frame, pieceByteCount: 1, roomByteCount: 1) == content)
    }

    @Test("any cut of input and room gives the same content")
    func randomCuts() throws {
        for seed in UInt64(1)...30 {
            var generator = SeededGenerator(seed: seed)
            func count() -> Int { Int.random(in: 1...300_000, using: &generator) }
            let content = text(byteCount: count(), seed: seed) + random(byteCount: 1000, seed: seed)
            let frame = try compressed(content, pieceByteCount: count(), roomByteCount: count())
            #expect(
                try inflated(frame, pieceByteCount: count(), roomByteCount: count()) == content, "seed \(seed)")
        }
    }

    @Test("threads of libzstd make a frame with the same content")
    func workers() throws {
        let content = text(byteCount: 5_000_000)
        #expect(try inflated(try compressed(content, workerCount: 2)) == content)
    }

    @Test("a level that zstd does not know is refused")
    func badLevel() {
        #expect(throws: ZstdError(.badSetting)) { _ = try StreamCompressor(level: 1000) }
    }

    @Test("frames follow each other, with skippable ones among them")
    func severalFrames() throws {
        let (one, other) = (text(byteCount: 100_000, seed: 1), text(byteCount: 70_000, seed: 2))
        let stream =
            Frames.skippable(byteCount: 10) + (try compressed(one)) + (try compressed([]))
            + Frames.skippable(byteCount: 300_000) + (try compressed(other)) + Frames.skippable(byteCount: 0)
        for pieceByteCount in [1000, 1_000_000] {
            #expect(try inflated(stream, pieceByteCount: pieceByteCount) == one + other)
        }
    }

    @Test("a stream that is cut inside a frame is an error, at any byte")
    func cut() throws {
        let frame = try compressed(text(byteCount: 3000))
        let stream = frame + Frames.skippable(byteCount: 5)
        for end in 1..<stream.count where end != frame.count {
            #expect(throws: ZstdError(.cutShort), "cut after \(end) bytes") {
                _ = try inflated(Array(stream[..<end]))
            }
        }
    }

    @Test("a stream that ends between frames, or never starts, is whole")
    func ends() throws {
        #expect(try inflated([]).isEmpty)
        #expect(try inflated(Frames.skippable(byteCount: 7)).isEmpty)
    }

    @Test("what follows a frame and is none is refused")
    func trailing() throws {
        let stream = try compressed(text(byteCount: 1000)) + [1, 2, 3, 4, 5]
        #expect(throws: ZstdError(.notAFrame)) { _ = try inflated(stream) }
    }

    @Test("no damage goes unnoticed: every frame has a checksum")
    func damage() throws {
        let content = text(byteCount: 5000)
        let whole = try compressed(content)
        for seed in UInt64(1)...500 {
            var generator = SeededGenerator(seed: seed)
            var damaged = whole
            damaged[Int.random(in: 0..<whole.count, using: &generator)] ^= .random(in: 1...255, using: &generator)
            // Some bits mean nothing to a decoder; the content is whole then.
            if let back = try? inflated(damaged) { #expect(back == content, "seed \(seed)") }
        }
    }

    @Test("a frame of an old format is refused, first or behind another, whatever libzstd can read")
    func oldFormat() throws {
        #expect(throws: ZstdError(.notAFrame)) { _ = try inflated(Frames.ofOldFormat()) }
        let stream = try compressed(text(byteCount: 1000)) + Frames.ofOldFormat()
        for pieceByteCount in [1, 1000] {
            #expect(throws: ZstdError(.notAFrame)) { _ = try inflated(stream, pieceByteCount: pieceByteCount) }
        }
    }

    @Test("a frame that asks for more than 128 MiB of window is refused, 128 MiB are not")
    func window() throws {
        let content = Array("hello".utf8)
        #expect(try inflated(Frames.withoutSize(content, windowLog: 27)) == content)
        for windowLog: UInt8 in [28, 31, 41] {
            #expect(throws: ZstdError(.windowTooLarge)) {
                _ = try inflated(Frames.withoutSize(content, windowLog: windowLog))
            }
        }
    }

    @Test("what a frame states as its size takes no memory")
    func statedSize() throws {
        let decompressor = try StreamDecompressor()
        // Its last block is left out, as the frame would be known to lie then.
        let bomb = Frames.ofRepeatedBytes(stating: 1 << 60, blockCount: 2, blockByteCount: 128 << 10).dropLast(4)
        let room = DataBuffer(byteCount: 1000)
        let step = try decompressor.decompress(bomb.span, into: room, range: 0..<1000)
        #expect(step.producedByteCount == 1000)
        #expect(decompressor.byteCount < 8 << 20)
    }

    @Test("a bomb comes out piece by piece, in little memory")
    func bomb() throws {
        let bomb = Frames.ofRepeatedBytes(stating: 256 << 20, blockCount: 2048, blockByteCount: 128 << 10)
        let decompressor = try StreamDecompressor()
        let room = DataBuffer(byteCount: 1 << 20)
        var (consumed, produced) = (0, 0)
        while consumed < bomb.count || decompressor.holdsContent {
            let step = try decompressor.decompress(
                bomb.span.extracting(consumed...), into: room, range: 0..<room.byteCount)
            consumed += step.consumedByteCount
            produced += step.producedByteCount
        }
        try decompressor.finish()
        #expect(produced == 256 << 20)
        #expect(decompressor.byteCount < 8 << 20)
    }

    @Test(
        "zstd streams are known by their first four bytes",
        arguments: [
            ([0x28, 0xb5, 0x2f, 0xfd], true), ([0x50, 0x2a, 0x4d, 0x18, 0], true), ([0x5f, 0x2a, 0x4d, 0x18], true),
            ([0x60, 0x2a, 0x4d, 0x18], false), ([0x28, 0xb5, 0x2f], false), ([], false),
            (Array("rbd diff".utf8), false),
        ] as [([UInt8], Bool)])
    func magic(bytes: [UInt8], isZstd: Bool) {
        #expect(StreamDecompressor.recognizes(bytes.span) == isZstd)
    }
}
