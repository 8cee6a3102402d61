import DiffStream
import FerryCore
import TestSupport
import Testing

@Suite("Streams whose format is not known beforehand")
struct CheckedStreamTests {
    static let files: [(name: String, format: String)] = [
        ("full.diff-v1", "v1"), ("head.diff-v1", "v1"), ("every-record.diff-v2", "v2"),
        ("history.image-v2", "image-v2"),
        ("striped.image-v2", "image-v2"), ("empty.image-v2", "image-v2"),
    ]

    @Test("the banner tells the format, in one piece or byte by byte", arguments: files)
    func detection(file: (name: String, format: String)) throws {
        let bytes = try golden(file.name)
        let format = try #require(StreamFormats.named(file.format))
        let bannerByteCount = format.banner.utf8CodeUnitCount
        for cuts in [[], Array(1..<bannerByteCount)] {
            var stream = CheckedStream()
            for slice in slices(Array(bytes.prefix(bannerByteCount)), cuts: cuts) {
                #expect(stream.format == nil)
                var position = 0
                #expect(try stream.next(slice.span, at: &position) == nil)
                #expect(position == slice.count)
            }
            #expect(stream.format?.name == file.format)
        }
    }

    @Test(
        "a byte that fits no banner is refused at once",
        arguments: ["rbd diff v3\n", "rbd x", "\u{0}", "rbd diff v1\r"])
    func wrongBanner(text: String) throws {
        let bytes = Array(text.utf8)
        var stream = CheckedStream()
        var position = 0
        let wrongStart = bytes.firstIndex { !Array("rbd diff v1".utf8).contains($0) } ?? bytes.count
        #expect(try stream.next(Array(bytes[..<wrongStart]).span, at: &position) == nil)
        position = 0
        #expect(throws: DiffError(.badBanner, at: RecordPosition(number: 0, byteOffset: 0))) {
            try stream.next(Array(bytes[wrongStart...]).span, at: &position)
        }
    }

    @Test("a banner cut short is no stream, and neither is nothing", arguments: StreamFormats.all.map(\.name))
    func cutBanner(format: String) throws {
        let banner = Array(try #require(StreamFormats.named(format)).banner.description.utf8)
        let start = RecordPosition(number: 0, byteOffset: 0)
        for end in 0..<banner.count {
            let code: DiffError.Code = end == 0 ? .empty : .cutShort
            #expect(StreamRead(Array(banner[..<end])).error == DiffError(code, at: start), "after \(end) bytes")
        }
        #expect(StreamRead(banner).error != nil)
    }

    @Test("formats have names and banners that tell them apart")
    func formats() {
        let formats = StreamFormats.all
        #expect(formats.map(\.name) == ["v1", "v2", "image-v2"])
        #expect(formats.map(\.isHistory) == [false, false, true])
        #expect(StreamFormats.named("v3") == nil)
        for one in formats {
            for other in formats where one.name != other.name {
                #expect(!one.banner.description.hasPrefix(other.banner.description))
            }
        }
    }

    @Test("a stream says the same in slices of any size, through its format's decoder and checked", arguments: files)
    func slicing(file: (name: String, format: String)) throws {
        let bytes = try golden(file.name)
        let format = try #require(StreamFormats.named(file.format))
        let whole = StreamRead(bytes)
        #expect(whole.error == nil)
        for seed in UInt64(1)...20 {
            var generator = SeededGenerator(seed: seed)
            let cuts = randomCuts(of: bytes, using: &generator)
            #expect(StreamRead(bytes, cuts: cuts) == whole, "seed \(seed)")
            let decoded = StreamRead(bytes, cuts: cuts, by: format.makeDecoder(limits: .file))
            #expect(decoded == whole, "seed \(seed)")
        }
        let start = Array(bytes.prefix(2000))
        #expect(StreamRead(start, cuts: Array(1..<start.count)) == StreamRead(start))
    }

    @Test("a damaged stream gives the same events and the same error however it is sliced", arguments: files)
    func damaged(file: (name: String, format: String)) throws {
        let bytes = Array(try golden(file.name).prefix(400))
        for seed in UInt64(1)...300 {
            var generator = SeededGenerator(seed: seed)
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let cuts =
                Bool.random(using: &generator) ? Array(1..<bytes.count) : randomCuts(of: bytes, using: &generator)
            #expect(StreamRead(damaged, cuts: cuts) == StreamRead(damaged), "seed \(seed)")
        }
    }

    @Test("a format of one file and one line is found and read like the others")
    func formatOfOurOwn() throws {
        let formats = StreamFormats.all + [ChainFormat()]
        let history = StreamRead(try golden("history.image-v2"))
        var bytes: [UInt8] = []
        ChainFormat().appendOpening(ImageEnvelopeTests.header, diffCount: 5, to: &bytes)
        for diff in history.diffs { bytes += ChainFormat().encode(diff) }
        let read = StreamRead(bytes, cuts: Array(1..<300), by: CheckedStream(formats: formats))
        #expect(read.error == nil)
        #expect(read.diffs.map { $0.compactMap(\.record).last } == history.diffs.map { $0.compactMap(\.record).last })
        #expect(read.diffs.map(\.data) == history.diffs.map(\.data))
        #expect(StreamRead(try golden("full.diff-v1"), by: CheckedStream(formats: formats)).error == nil)
        #expect(StreamRead(bytes).error?.code == .badBanner)
    }

    @Test("header, totals and number are those of the diff at hand until the next one begins")
    func diffAtHand() throws {
        let bytes = try golden("history.image-v2")
        var stream = CheckedStream()
        var position = 0
        var ends: [String] = []
        var expectedNumber = 0
        #expect(stream.diffNumber == 0)
        while let event = try stream.next(bytes.span, at: &position) {
            if case .diffCount = event { expectedNumber = 1 }
            #expect(stream.diffNumber == expectedNumber)
            guard event == .diff(.end) else { continue }
            ends.append("\(stream.diffNumber) \(stream.header.toSnapshot ?? "-") \(stream.totals.writtenByteCount)")
            let start = position
            var next = stream
            _ = try? next.next(bytes.span, at: &position)
            position = start
            expectedNumber = next.diffNumber
        }
        try stream.checkEnd()
        #expect(ends == ["1 first 79192", "2 second 53248", "3 third 50", "4 fourth, nothing changed 0", "5 - 2"])
    }

    private func randomCuts(of bytes: [UInt8], using generator: inout SeededGenerator) -> [Int] {
        let count = Int.random(in: 1...200, using: &generator)
        return (0..<count).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
    }
}
