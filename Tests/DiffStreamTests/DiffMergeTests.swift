import DiffStream
import FerryCore
import TestSupport
import Testing

/// Two diffs and what must come of them. Capitals are the first's writes.
struct MergeCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let first: String
    let second: String
    let merged: String

    init(_ description: String, _ first: String, _ second: String, _ merged: String) {
        testDescription = description
        self.first = first
        self.second = second
        self.merged = merged
    }
}

@Suite("Merging two diffs")
struct DiffMergeTests {
    @Test("increments merge into one that holds the later bytes", arguments: overlaps + resizes)
    func increments(row: MergeCase) throws {
        let steps = try merged(Picture(row.first), Picture(row.second), from: "a")
        #expect(Picture(steps) == Picture(row.merged))
    }

    @Test("behind a full diff a grown image needs no zeros")
    func full() throws {
        #expect(Picture(try merged(Picture("AA"), Picture("..b..."), from: nil)) == Picture("AAb..."))
        #expect(Picture(try merged(Picture("AA.0"), Picture("..b."), from: nil)) == Picture("AAb0"))
    }

    @Test("a write that is covered in part is announced piece by piece")
    func pieces() throws {
        let steps = try merged(Picture("AAAAAAAA"), Picture("..bb.0c."), from: "a")
        #expect(
            steps.dropFirst(3) == [
                .event(.write(Extent(offset: 0, byteCount: 2))), .data(offset: 0, bytes: Array("AA".utf8)),
                .event(.write(Extent(offset: 2, byteCount: 2))), .data(offset: 2, bytes: Array("bb".utf8)),
                .event(.write(Extent(offset: 4, byteCount: 1))), .data(offset: 4, bytes: Array("A".utf8)),
                .event(.zero(Extent(offset: 5, byteCount: 1))), .event(.write(Extent(offset: 6, byteCount: 1))),
                .data(offset: 6, bytes: Array("c".utf8)), .event(.write(Extent(offset: 7, byteCount: 1))),
                .data(offset: 7, bytes: Array("A".utf8)), .event(.end),
            ])
    }

    @Test("the result starts where the first starts and ends where the second ends")
    func header() throws {
        let first = Picture("A").steps(from: "a", to: "b", isProtected: true)
        let format = DiffV2Format()
        for (to, isProtected) in [("c", true), ("c", false), ("c", nil), (nil, nil)] as [(String?, Bool?)] {
            let second = Picture("..").steps(from: "b", to: to, isProtected: isProtected)
            let steps = try merge(SlicedStream(format.encode(first)), SlicedStream(format.encode(second)))
            #expect(
                steps.diffHeader
                    == DiffHeader(fromSnapshot: "a", toSnapshot: to, isProtected: isProtected, imageByteCount: 2))
        }
    }

    @Test(
        "diffs that do not meet at a snapshot are refused with both names",
        arguments: [("b", "c"), (nil, "b"), ("b", nil), (nil, nil)] as [(String?, String?)])
    func refused(names: (to: String?, from: String?)) {
        let format = DiffV1Format()
        let first = format.encode(Picture("A").steps(from: nil, to: names.to))
        let second = format.encode(Picture("b").steps(from: names.from, to: "d"))
        let error = MergeError(firstToSnapshot: names.to, secondFromSnapshot: names.from)
        #expect(throws: error) { try merge(SlicedStream(first), SlicedStream(second)) }
        #expect(error.disposition == .permanent)
    }

    @Test("the reason for a refusal names both ends")
    func refusalText() {
        #expect(
            MergeError(firstToSnapshot: "b\n", secondFromSnapshot: "c").cause
                == "these diffs can't be merged: the first leads to snapshot 'b?', the second starts from snapshot 'c'")
        #expect(
            MergeError(firstToSnapshot: nil, secondFromSnapshot: nil).cause
                == "these diffs can't be merged: the first leads to the image's head, the second starts from nothing, "
                + "as a full diff")
    }

    @Test("extents as large as an image may be are merged without their bytes")
    func large() throws {
        let end = Limits.imageByteCountMax
        let first: [Step] = [
            .event(.fromSnapshot("a")), .event(.toSnapshot("b")), .event(.imageByteCount(end - 1)),
            .event(.zero(Extent(offset: 0, byteCount: end - 1))), .event(.end),
        ]
        let second: [Step] = [
            .event(.fromSnapshot("b")), .event(.imageByteCount(end)),
            .event(.write(Extent(offset: end - 1, byteCount: 1))), .data(offset: end - 1, bytes: [7]), .event(.end),
        ]
        let format = DiffV1Format()
        let steps = try merge(SlicedStream(format.encode(first)), SlicedStream(format.encode(second)))
        #expect(
            steps == [
                .event(.fromSnapshot("a")), .event(.imageByteCount(end)),
                .event(.zero(Extent(offset: 0, byteCount: end - 1))),
                .event(.write(Extent(offset: end - 1, byteCount: 1))), .data(offset: end - 1, bytes: [7]), .event(.end),
            ])
    }

    @Test(
        "merging what rbd exported has the effect of what rbd merged",
        arguments: [("full", "grown", "full-and-grown"), ("grown", "shrunk", "grown-and-shrunk")])
    func sameAsRbd(files: (first: String, second: String, merged: String)) throws {
        let first = try golden("\(files.first).diff-v1")
        let ours = try merge(SlicedStream(first), SlicedStream(try golden("\(files.second).diff-v1")))
        let theirs = try #require(StreamRead(try golden("\(files.merged).diff-v1")).diffs.first)
        #expect(ours.diffHeader == theirs.diffHeader)
        let isFull = theirs.diffHeader.fromSnapshot == nil
        let base = Picture(String(repeating: "x", count: isFull ? 0 : 400_000))
        #expect(base.applying(Picture(ours)) == base.applying(Picture(theirs)))
    }

    @Test("one merged diff has the effect of the two, whatever they hold and however they are sliced")
    func effect() throws {
        for seed in UInt64(1)...3000 {
            var generator = SeededGenerator(seed: seed)
            let isFull = Int.random(in: 0..<5, using: &generator) == 0
            let drawn = Picture.random(letters: "uvwxyz", using: &generator)
            let base = Picture("").applying(isFull ? Picture("") : drawn)
            let first = Picture.random(letters: "ABCDE", using: &generator)
            let second = Picture.random(letters: "abcde", using: &generator)
            let steps = try merge(
                sliced(first.steps(from: isFull ? nil : "a", to: "b"), using: &generator),
                sliced(second.steps(from: "b", to: "c", isProtected: true), using: &generator))
            let twice = base.applying(first).applying(second)
            #expect(base.applying(Picture(steps)) == twice, "seed \(seed): \(base) \(first) \(second)")
            for format in [DiffV1Format(), DiffV2Format()] as [any StreamFormat] {
                let read = StreamRead(format.encode(steps))
                #expect(read.error == nil, "seed \(seed)")
                #expect(read.diffs.first.map(Picture.init) == Picture(steps), "seed \(seed)")
            }
        }
    }

    @Test("three diffs may be merged in either order")
    func associative() throws {
        for seed in UInt64(1)...500 {
            var generator = SeededGenerator(seed: seed)
            let diffs = (0..<3).map { _ in Picture.random(letters: "ABCDabcd", using: &generator) }
            let one = sliced(diffs[0].steps(from: "a", to: "b"), using: &generator)
            let two = sliced(diffs[1].steps(from: "b", to: "c"), using: &generator)
            let three = sliced(diffs[2].steps(from: "c", to: "d"), using: &generator)
            let left = try merge(sliced(merge(one, two), using: &generator), three)
            let right = try merge(one, sliced(merge(two, three), using: &generator))
            let base = Picture(String(repeating: "x", count: 64))
            #expect(base.applying(Picture(left)) == base.applying(Picture(right)), "seed \(seed)")
        }
    }

    static let overlaps: [MergeCase] = [
        MergeCase("nothing at all", "....", "....", "...."),
        MergeCase("only the first has something", ".AA0", "....", ".AA0"),
        MergeCase("only the second has something", "....", "0bb.", "0bb."),
        MergeCase("the first before the second", "AA......", ".....bb.", "AA...bb."),
        MergeCase("the second before the first", "......AA", "bb......", "bb....AA"),
        MergeCase("side by side", "AA..AA", "..bb..", "AAbbAA"),
        MergeCase("the same place", ".AA.", ".bb.", ".bb."),
        MergeCase("the second inside the first", "AAAAAA", "..bb..", "AAbbAA"),
        MergeCase("the first inside the second", "..AA..", "bbbbbb", "bbbbbb"),
        MergeCase("over the first's start", "..AAAA", ".bb...", ".bbAAA"),
        MergeCase("over the first's end", "AAAA..", "...bb.", "AAAbb."),
        MergeCase("from one start", "AAAA..", "bb....", "bbAA.."),
        MergeCase("to one end", "..AAAA", "....bb", "..AAbb"),
        MergeCase("zeros over a write", "AAAAAA", ".00...", "A00AAA"),
        MergeCase("a write over zeros", "000000", "..bb..", "00bb00"),
        MergeCase("zeros over zeros", ".0000.", "000000", "000000"),
        MergeCase("the second over several of the first", "A.BB0.CC.D", "..bbbbb...", "A.bbbbbC.D"),
        MergeCase("the first under several of the second", "AAAAAAAAAA", ".b.cc00.d.", "AbAcc00AdA"),
        MergeCase("each over the other in turn", "AAA.BBB.CCC", "..bbb.ccc..", "AAbbbBcccCC"),
    ]

    static let resizes: [MergeCase] = [
        MergeCase("shrunk by the second", "AAAA..BB", "..b", "AAb"),
        MergeCase("shrunk through a write", "..AAAA..", "....", "..AA"),
        MergeCase("shrunk through zeros", "..0000..", "...", "..0"),
        MergeCase("shrunk to nothing", "AA00", "", ""),
        MergeCase("grown by the second", "AA..", "......", "AA..00"),
        MergeCase("grown and written by the second", "AA..", "...bb...", "AA.bb000"),
        MergeCase("grown with a write in the middle of the new part", "A", "....bb..", "A000bb00"),
        MergeCase("grown with all of it written", "A", ".bbb", "Abbb"),
        MergeCase("grown with zeros over the old end", "AAA", ".00000..", "A0000000"),
        MergeCase("grown from nothing", "", "..b.", "00b0"),
        MergeCase("nothing to nothing", "", "", ""),
    ]

    private func merged(_ first: Picture, _ second: Picture, from: String?) throws -> [Step] {
        let format = DiffV1Format()
        return try merge(
            SlicedStream(format.encode(first.steps(from: from, to: "b"))),
            SlicedStream(format.encode(second.steps(from: "b", to: "c"))))
    }

    private func sliced(_ steps: [Step], using generator: inout SeededGenerator) -> SlicedStream {
        let format: any StreamFormat = Bool.random(using: &generator) ? DiffV1Format() : DiffV2Format()
        let bytes = format.encode(steps)
        let cutCount = Int.random(in: 0...40, using: &generator)
        let cuts = (0..<cutCount).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
        return SlicedStream(bytes, cuts: cuts)
    }
}
