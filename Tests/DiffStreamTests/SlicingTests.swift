import DiffStream
import FerryCore
import TestSupport
import Testing

@Suite("Bytes arrive in slices")
struct SlicingTests {
    @Test("a diff cut once or twice at any byte says the same")
    func everyCut() throws {
        let bytes = try golden("every-record.diff-v2")
        let whole = decode(bytes, banner: .required).steps
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let cut = decode(bytes, cuts: [first, second], banner: .required)
                guard cut.steps != whole || cut.error != nil else { continue }
                Issue.record("cut at \(first) and \(second): \(cut)")
            }
        }
    }

    @Test("an image stream that comes byte by byte says the same", arguments: GoldenStreamTests.files.map(\.name))
    func byteByByte(file: String) throws {
        let bytes = Array(try golden(file).prefix(12000))
        let whole = ImageStream(decoding: bytes)
        #expect(ImageStream(decoding: bytes, cuts: Array(1..<bytes.count)) == whole)
    }

    @Test("an image stream in random slices says the same", arguments: GoldenStreamTests.files.map(\.name))
    func randomSlices(file: String) throws {
        let bytes = try golden(file)
        let whole = ImageStream(decoding: bytes)
        for seed in UInt64(1)...20 {
            var generator = SeededGenerator(seed: seed)
            let cutCount = Int.random(in: 1...200, using: &generator)
            let cuts = (0..<cutCount).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            #expect(ImageStream(decoding: bytes, cuts: cuts) == whole, "seed \(seed)")
        }
    }

    @Test("a random diff encodes and decodes to itself, in random slices")
    func randomDiffs() {
        for seed in UInt64(1)...200 {
            var generator = SeededGenerator(seed: seed)
            let steps = randomDiff(using: &generator)
            let bytes = encode(steps, protectionForm: seed % 2 == 0 ? .length1 : .length8)
            let cuts = (0..<8).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            let decoded = decode(bytes, cuts: cuts)
            #expect(decoded.steps == steps, "seed \(seed)")
            #expect(decoded.error == nil, "seed \(seed)")
            #expect(firstError(in: bytes) == nil, "seed \(seed)")
        }
    }

    @Test("a damaged stream gives the same events and the same error however it is sliced")
    func damagedStreams() throws {
        let bytes = try golden("every-record.diff-v2")
        for seed in UInt64(1)...2000 {
            var generator = SeededGenerator(seed: seed)
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let whole = decode(damaged, banner: .required, limits: .wire)
            let cuts = Array(1..<damaged.count)
            let sliced = decode(damaged, cuts: cuts, banner: .required, limits: .wire)
            #expect(sliced.steps == whole.steps, "seed \(seed)")
            #expect(sliced.error == whole.error, "seed \(seed)")
        }
    }

    @Test("a block may end between records and nowhere else")
    func blockEnds() throws {
        let bytes = try golden("every-record.diff-v2")
        let recordEnds: Set = [12, 29, 48, 58, 75, 105, 130, 131]
        for end in 0...bytes.count {
            var decoder = DiffDecoder(banner: .required)
            var position = 0
            while try decoder.next(Array(bytes[..<end]).span, at: &position) != nil {}
            #expect(decoder.isBetweenRecords == recordEnds.contains(end), "after \(end) bytes")
            #expect(decoder.isAtEnd == (end == bytes.count))
            #expect(decoder.takenByteCount == UInt64(end))
        }
    }

    private func randomDiff(using generator: inout SeededGenerator) -> [Step] {
        var steps: [Step] = []
        if Bool.random(using: &generator) { steps.append(.event(.fromSnapshot("from é"))) }
        steps.append(.event(.toSnapshot(String(repeating: "n", count: .random(in: 1...4096, using: &generator)))))
        if Bool.random(using: &generator) { steps.append(.event(.protection(.random(using: &generator)))) }
        steps.append(.event(.imageByteCount(1 << 40)))
        var offset: UInt64 = 0
        for _ in 0..<Int.random(in: 0...30, using: &generator) {
            offset += .random(in: 0...1 << 30, using: &generator)
            let extent = Extent(offset: offset, byteCount: .random(in: 1...5000, using: &generator))
            offset = extent.end
            guard Bool.random(using: &generator) else {
                steps.append(.event(.zero(extent)))
                continue
            }
            let bytes = (0..<extent.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
            steps += [.event(.write(extent)), .data(offset: extent.offset, bytes: bytes)]
        }
        return steps + [.event(.end)]
    }
}
