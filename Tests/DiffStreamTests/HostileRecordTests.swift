import DiffStream
import FerryCore
import Testing

/// A stream that must be refused, and how.
struct HostileStream: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    let error: DiffError

    /// A stream that starts with `t` "b" and `s` 8192, 31 bytes and two records; what follows is wrong.
    init(_ description: String, afterHeader bytes: [UInt8], _ code: DiffError.Code, _ details: Details = Details()) {
        self.init(description, Self.header + bytes, code, details, record: 3, byteOffset: 31)
    }

    init(
        _ description: String, _ bytes: [UInt8], _ code: DiffError.Code, _ details: Details = Details(),
        record: Int = 1, byteOffset: UInt64 = 0
    ) {
        testDescription = description
        self.bytes = bytes
        error = DiffError(
            code, at: RecordPosition(number: record + details.laterBy, byteOffset: byteOffset + details.bytesLater),
            tag: details.tag?.asciiValue, expected: details.expected, found: details.found)
    }

    struct Details {
        var tag: Character?
        var expected: UInt64?
        var found: UInt64?
        var laterBy = 0
        var bytesLater: UInt64 = 0
    }

    static let header = record("t", name("b")) + record("s", le64(8192))
}

private typealias Details = HostileStream.Details

private func extent(_ tag: Character, _ offset: UInt64, _ byteCount: UInt64, data: [UInt8] = []) -> [UInt8] {
    record(tag, le64(offset) + le64(byteCount) + data)
}

@Suite("Hostile diffs")
struct HostileRecordTests {
    @Test("a wrong record is refused with its place and its numbers", arguments: records + extents + streams)
    func refused(stream: HostileStream) {
        #expect(firstError(in: stream.bytes) == stream.error)
    }

    @Test("a diff cut after any byte is never taken for a whole one")
    func cut() throws {
        let bytes = Array(try golden("every-record.diff-v2").dropFirst(DiffSyntax.v2.banner.utf8CodeUnitCount))
        let recordStarts = [0, 17, 36, 46, 63, 93, 118, 119]
        for end in 0..<bytes.count {
            let number = recordStarts.lastIndex { $0 <= end } ?? 0
            let start = recordStarts[number]
            let record = RecordPosition(number: number + 1, byteOffset: UInt64(start))
            let isBetween = start == end
            let missing = start == 63 && end >= 88 ? UInt64(93 - end) : nil
            #expect(
                firstError(in: Array(bytes[..<end]))
                    == DiffError(
                        isBetween ? .endMissing : .cutShort, at: record, tag: isBetween ? nil : bytes[start],
                        expected: missing, found: missing.map { _ in 0 }), "cut after \(end) bytes")
        }
    }

    @Test("another banner is refused at its first wrong byte", arguments: ["rbd diff v1\n", "rbd image v2\n", "\u{0}"])
    func banner(text: String) {
        let start = RecordPosition(number: 0, byteOffset: 0)
        #expect(decode(Array(text.utf8), banner: .required).error == DiffError(.badBanner, at: start))
        let bytes = Array("rbd l".utf8)
        for cuts in [[], [1], [1, 2], [4], [1, 2, 3, 4]] {
            #expect(decode(bytes, cuts: cuts, banner: .required).error == DiffError(.badBanner, at: start))
        }
        let cut = decode(Array("rbd diff".utf8), banner: .required)
        #expect(cut.error == DiffError(.cutShort, at: start))
    }

    @Test("a header record may stand in any order, and unknown records anywhere before the end")
    func tolerated() {
        let unknown = record("q", [1, 2, 3]) + record("H")
        let bytes =
            unknown + record("s", le64(4096)) + unknown + record("p", [1]) + record("t", name("b")) + unknown
            + extent("z", 0, 4096) + unknown + [DiffTag.end]
        #expect(firstError(in: bytes) == nil)
        let skipped: [Step] = [.event(.skipped(tag: 0x71, byteCount: 3)), .event(.skipped(tag: 0x48, byteCount: 0))]
        #expect(Array(decode(bytes).steps.prefix(2)) == skipped)
    }

    @Test("a diff to an image's head needs no snapshot, but then protects none")
    func headDiff() {
        let bytes = record("s", le64(0)) + [DiffTag.end]
        #expect(firstError(in: bytes, toSnapshot: .optional) == nil)
        let end = RecordPosition(number: 3, byteOffset: 27)
        #expect(
            firstError(in: record("p", [1]) + bytes, toSnapshot: .optional)
                == DiffError(.protectionWithoutSnapshot, at: end, tag: DiffTag.protection))
    }

    @Test("a resumed diff has nothing below the offset it resumes from")
    func resumed() throws {
        let position = RecordPosition(number: 3, byteOffset: 31)
        var checker = DiffChecker(resumeOffset: 4096)
        try checker.check(.toSnapshot("b"), at: position)
        try checker.check(.imageByteCount(8192), at: position)
        #expect(throws: DiffError(.extentDescends, at: position, tag: DiffTag.zero, expected: 4096, found: 4095)) {
            try checker.check(.zero(Extent(offset: 4095, byteCount: 1)), at: position)
        }
        try checker.check(.zero(Extent(offset: 4096, byteCount: 1)), at: position)
    }

    @Test("a checked diff has its header and its totals")
    func totals() throws {
        var decoder = DiffDecoder(banner: .required)
        var checker = DiffChecker()
        let bytes = try golden("every-record.diff-v2")
        var position = 0
        while let event = try decoder.next(bytes.span, at: &position) { try checker.check(event, at: decoder.record) }
        #expect(checker.isAtEnd)
        #expect(checker.header.fromSnapshot == "base")
        #expect(checker.header.toSnapshot == "target")
        #expect(checker.header.isProtected == true)
        #expect(checker.header.imageByteCount == 1 << 20)
        #expect(checker.nextOffset == 65536 + 4096)
        #expect(checker.totals.recordCount == 7)
        #expect(checker.totals.writeCount == 1)
        #expect(checker.totals.zeroCount == 1)
        #expect(checker.totals.writtenByteCount == 5)
        #expect(checker.totals.zeroedByteCount == 4096)
    }

    @Test("an error says in one line what is wrong, where, and with which numbers")
    func text() {
        let place = RecordPosition(number: 3, byteOffset: 31)
        let error = DiffError(.extentOutsideImage, at: place, tag: DiffTag.zero, expected: 8192, found: 8193)
        #expect(
            error.cause == "damaged diff stream: an extent ends outside the image "
                + "(record 3 at byte 31, tag 'z', expected 8192, found 8193)")
        #expect(
            DiffError(.skippedTooLong, at: place, tag: 0).cause
                == "damaged diff stream: an unknown record is too long to pass over (record 3 at byte 31, tag byte 0)")
    }

    static let records: [HostileStream] = [
        HostileStream(
            "a size record of 9 bytes", record("s", length: 9, le64(1)), .badRecordLength,
            Details(tag: "s", expected: 8, found: 9)),
        HostileStream(
            "an image larger than the limit", record("s", le64(1 << 62)), .imageTooLarge,
            Details(tag: "s", expected: Limits.imageByteCountMax, found: 1 << 62)),
        HostileStream(
            "a name longer than 4096 bytes", record("t", name(String(repeating: "n", count: 4097))), .nameTooLong,
            Details(tag: "t", expected: 4096, found: 4097)),
        HostileStream(
            "a name of 2^64 - 5 bytes", record("f", length: .max), .nameTooLong,
            Details(tag: "f", expected: 4096, found: .max - 4)),
        HostileStream(
            "a name record too short for a length", record("f", [1, 0, 0]), .badRecordLength,
            Details(tag: "f", expected: 4, found: 3)),
        HostileStream(
            "a name shorter than its record", record("t", name("abc", length: 2)), .contradictingLength,
            Details(tag: "t", expected: 3, found: 2)),
        HostileStream(
            "a name longer than its record", record("t", name("abc", length: .max)), .contradictingLength,
            Details(tag: "t", expected: 3, found: UInt64(UInt32.max))),
        HostileStream("an empty name", record("t", name("")), .nameEmpty, Details(tag: "t")),
        HostileStream(
            "a name that is not UTF-8", record("t", [2, 0, 0, 0, 0xc3, 0x28]), .nameNotText, Details(tag: "t")),
        HostileStream("a name with a zero byte", record("t", name("a\u{0}b")), .nameNotText, Details(tag: "t")),
        HostileStream(
            "a protection record of 2 bytes", record("p", [1, 0]), .badRecordLength,
            Details(tag: "p", expected: 1, found: 2)),
        HostileStream(
            "a protection byte of 2", record("p", length: 8, [2]), .badProtection,
            Details(tag: "p", expected: 1, found: 2)),
        HostileStream(
            "an unknown record beyond the limit", record("q", length: 262_145), .skippedTooLong,
            Details(tag: "q", expected: 262_144, found: 262_145)),
        HostileStream(
            "an unknown record of 2^64 - 1 bytes", record("q", length: .max), .skippedTooLong,
            Details(tag: "q", expected: 262_144, found: .max)),
        HostileStream(
            "an unknown record cut short", record("q", length: 5, [1, 2]), .cutShort,
            Details(tag: "q", expected: 3, found: 0)),
    ]

    static let extents: [HostileStream] = [
        HostileStream(
            "a zero record of 17 bytes", afterHeader: record("z", length: 17, le64(0)), .badRecordLength,
            Details(tag: "z", expected: 16, found: 17)),
        HostileStream(
            "a write record of 15 bytes", afterHeader: record("w", length: 15, le64(0)), .badRecordLength,
            Details(tag: "w", expected: 16, found: 15)),
        HostileStream(
            "a write whose lengths differ", afterHeader: record("w", length: 20, le64(0) + le64(8)),
            .contradictingLength, Details(tag: "w", expected: 4, found: 8)),
        HostileStream(
            "a write of 1 MiB and a byte", afterHeader: record("w", length: 16 + 1_048_577, le64(0) + le64(1_048_577)),
            .writeTooLong, Details(tag: "w", expected: 1 << 20, found: 1_048_577)),
        HostileStream(
            "a write of 2^62 bytes", afterHeader: record("w", length: 16 + 1 << 62, le64(0) + le64(1 << 62)),
            .writeTooLong, Details(tag: "w", expected: 1 << 20, found: 1 << 62)),
        HostileStream(
            "a write record of 2^64 - 1 bytes", afterHeader: record("w", length: .max, le64(0) + le64(.max - 16)),
            .writeTooLong, Details(tag: "w", expected: 1 << 20, found: .max - 16)),
        HostileStream(
            "a zero extent of 2^64 - 1 bytes at 1", afterHeader: extent("z", 1, .max), .extentOverflows,
            Details(tag: "z", expected: .max - 1, found: .max)),
        HostileStream(
            "a zero extent of 2^64 - 1 bytes at 0", afterHeader: extent("z", 0, .max), .extentOutsideImage,
            Details(tag: "z", expected: 8192, found: .max)),
        HostileStream(
            "a zero extent of 2^62 bytes", afterHeader: extent("z", 4096, 1 << 62), .extentOutsideImage,
            Details(tag: "z", expected: 8192, found: 4096 + 1 << 62)),
        HostileStream(
            "a write outside the image", afterHeader: extent("w", 8192, 1, data: [7]), .extentOutsideImage,
            Details(tag: "w", expected: 8192, found: 8193)),
        HostileStream(
            "a zero extent outside the image", afterHeader: extent("z", 9000, 1), .extentOutsideImage,
            Details(tag: "z", expected: 8192, found: 9001)),
        HostileStream(
            "a write across the image's end", afterHeader: extent("w", 8191, 2, data: [7, 7]), .extentOutsideImage,
            Details(tag: "w", expected: 8192, found: 8193)),
        HostileStream(
            "a zero extent across the image's end", afterHeader: extent("z", 0, 8193), .extentOutsideImage,
            Details(tag: "z", expected: 8192, found: 8193)),
        HostileStream("an empty write", afterHeader: extent("w", 0, 0), .extentEmpty, Details(tag: "w")),
        HostileStream("an empty zero extent", afterHeader: extent("z", 0, 0), .extentEmpty, Details(tag: "z")),
        HostileStream(
            "an extent that overlaps", afterHeader: extent("w", 0, 2, data: [7, 7]) + extent("z", 1, 1),
            .extentOverlaps, Details(tag: "z", expected: 2, found: 1, laterBy: 1, bytesLater: 27)),
        HostileStream(
            "the same extent twice", afterHeader: extent("z", 4, 4) + extent("z", 4, 4), .extentOverlaps,
            Details(tag: "z", expected: 8, found: 4, laterBy: 1, bytesLater: 25)),
        HostileStream(
            "an extent that descends", afterHeader: extent("z", 4096, 1) + extent("z", 0, 1), .extentDescends,
            Details(tag: "z", expected: 4097, found: 0, laterBy: 1, bytesLater: 25)),
    ]

    static let streams: [HostileStream] = [
        HostileStream("nothing at all", [], .endMissing),
        HostileStream("no end record", afterHeader: [], .endMissing),
        HostileStream(
            "a byte after the end", afterHeader: [DiffTag.end, 0x77], .afterEnd,
            Details(tag: "w", laterBy: 1, bytesLater: 1)),
        HostileStream("two sizes", afterHeader: record("s", le64(8192)), .repeated, Details(tag: "s")),
        HostileStream("two target snapshots", afterHeader: record("t", name("c")), .repeated, Details(tag: "t")),
        HostileStream(
            "two base snapshots", afterHeader: record("f", name("a")) + record("f", name("a")), .repeated,
            Details(tag: "f", laterBy: 1, bytesLater: 14)),
        HostileStream(
            "two protections", afterHeader: record("p", [0]) + record("p", [0]), .repeated,
            Details(tag: "p", laterBy: 1, bytesLater: 10)),
        HostileStream(
            "a size after data", afterHeader: extent("z", 0, 1) + record("s", le64(1)), .repeated,
            Details(tag: "s", laterBy: 1, bytesLater: 25)),
        HostileStream(
            "a base snapshot after data", afterHeader: extent("z", 0, 1) + record("f", name("a")), .afterData,
            Details(tag: "f", laterBy: 1, bytesLater: 25)),
        HostileStream(
            "data before the size", record("t", name("b")) + extent("z", 0, 1), .missing,
            Details(tag: "s"), record: 2, byteOffset: 14),
        HostileStream(
            "an end without a size", record("t", name("b")) + [DiffTag.end], .missing, Details(tag: "s"),
            record: 2, byteOffset: 14),
        HostileStream(
            "data before the target snapshot", record("s", le64(1)) + extent("z", 0, 1), .missing,
            Details(tag: "t"), record: 2, byteOffset: 17),
        HostileStream(
            "an end without a target snapshot", record("s", le64(1)) + [DiffTag.end], .missing, Details(tag: "t"),
            record: 2, byteOffset: 17),
    ]
}
