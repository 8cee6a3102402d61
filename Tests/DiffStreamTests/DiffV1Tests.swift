import DiffStream
import FerryCore
import Testing

@Suite("Diffs of version 1")
struct DiffV1Tests {
    static let files = ["full", "grown", "shrunk", "head", "full-and-grown", "grown-and-shrunk"]

    @Test("what rbd exports or merges decodes and encodes to the same bytes", arguments: files)
    func roundTrip(file: String) throws {
        let bytes = try golden("\(file).diff-v1")
        let read = StreamRead(bytes)
        #expect(read.error == nil)
        #expect(read.diffs.count == 1)
        #expect(read.encoded(as: DiffV1Format()) == bytes)
    }

    @Test("a diff of either version says the same, but for protection")
    func sameAsVersion2() throws {
        let history = StreamRead(try golden("history.image-v2")).diffs
        for (file, number) in [("full", 0), ("grown", 1), ("shrunk", 2), ("head", 4)] {
            let unprotected = history[number].filter { step in
                if case .event(.protection) = step { false } else { true }
            }
            #expect(StreamRead(try golden("\(file).diff-v1")).diffs == [unprotected], "\(file)")
        }
    }

    @Test("every record is laid out as in Ceph's description")
    func layout() {
        let steps: [Step] = [
            .event(.fromSnapshot("a")), .event(.toSnapshot("bc")), .event(.imageByteCount(0x0102_0304)),
            .event(.write(Extent(offset: 5, byteCount: 3))), .data(offset: 5, bytes: [7, 8, 9]),
            .event(.zero(Extent(offset: 256, byteCount: 1))), .event(.end),
        ]
        let bytes =
            Array("rbd diff v1\n".utf8) + [0x66, 1, 0, 0, 0, 0x61] + [0x74, 2, 0, 0, 0, 0x62, 0x63]
            + [0x73, 4, 3, 2, 1, 0, 0, 0, 0] + [0x77, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 7, 8, 9]
            + [0x7a, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] + [0x65]
        #expect(DiffV1Format().encode(steps) == bytes)
        #expect(StreamRead(bytes).diffs == [steps])
    }

    @Test("protection is left out: version 1 has no record for it")
    func noProtection() {
        let header = DiffHeader(toSnapshot: "b", isProtected: true, imageByteCount: 1)
        var bytes: [UInt8] = []
        DiffV1Format().appendDiffOpening(header, to: &bytes)
        #expect(bytes == Array("rbd diff v1\n".utf8) + [0x74] + name("b") + [0x73] + le64(1))
    }

    @Test("a wrong record is refused with its place and its numbers", arguments: records + extents + order)
    func refused(stream: HostileStream) {
        #expect(firstError(in: stream.bytes, syntax: .v1) == stream.error)
    }

    @Test(
        "a diff cut after any byte is never taken for a whole one", arguments: ["shrunk", "head", "grown-and-shrunk"])
    func cut(file: String) throws {
        let bytes = try golden("\(file).diff-v1")
        for end in 0..<bytes.count {
            let error = StreamRead(Array(bytes[..<end])).error
            let codes: [DiffError.Code] = [end == 0 ? .empty : .cutShort, .endMissing]
            #expect(error.map { codes.contains($0.code) } == true, "cut after \(end) bytes")
        }
    }

    static let records: [HostileStream] = [
        HostileStream("an unknown record", Array("q".utf8) + le64(0), .unknownTag, .init(tag: "q")),
        HostileStream("a protection record", Array("p".utf8) + [1], .unknownTag, .init(tag: "p")),
        HostileStream("a byte of zero", [0], .unknownTag, .init(tag: "\u{0}")),
        HostileStream("an empty name", v1("t", name("")), .nameEmpty, .init(tag: "t")),
        HostileStream(
            "a name longer than 4096 bytes", v1("f", name("x", length: 4097)), .nameTooLong,
            .init(tag: "f", expected: 4096, found: 4097)),
        HostileStream(
            "a name of 2^32 - 1 bytes", v1("t", name("x", length: .max)), .nameTooLong,
            .init(tag: "t", expected: 4096, found: UInt64(UInt32.max))),
        HostileStream("a name that is not UTF-8", v1("t", [2, 0, 0, 0, 0xc3, 0x28]), .nameNotText, .init(tag: "t")),
        HostileStream("a name with a zero byte", v1("t", name("a\u{0}b")), .nameNotText, .init(tag: "t")),
        HostileStream(
            "an image of 2^62 bytes", v1("s", le64(1 << 62)), .imageTooLarge,
            .init(tag: "s", expected: Limits.imageByteCountMax, found: 1 << 62)),
        HostileStream("nothing at all", [], .endMissing),
        after("no end record", [], .endMissing),
        after("a name cut short", v1("f", name("abc", length: 4)), .cutShort, .init(tag: "f")),
        after(
            "data cut short", v1("w", le64(0) + le64(8) + [1, 2]), .cutShort, .init(tag: "w", expected: 6, found: 0)),
        after("an extent cut short", v1("z", le64(0)), .cutShort, .init(tag: "z")),
        after("a byte after the end", Array("ew".utf8), .afterEnd, .init(tag: "w", laterBy: 1, bytesLater: 1)),
    ]

    static let extents: [HostileStream] = [
        after("a write outside the image", write(8192, [7]), .extentOutsideImage, outside("w", 8193)),
        after("a write across the image's end", write(8191, [7, 7]), .extentOutsideImage, outside("w", 8193)),
        after("zeros outside the image", zero(9000, 1), .extentOutsideImage, outside("z", 9001)),
        after("zeros across the image's end", zero(0, 8193), .extentOutsideImage, outside("z", 8193)),
        after("an empty write", write(0, []), .extentEmpty, .init(tag: "w")),
        after("an empty stretch of zeros", zero(0, 0), .extentEmpty, .init(tag: "z")),
        after(
            "a write of 2^62 bytes", v1("w", le64(0) + le64(1 << 62)), .writeTooLong,
            .init(tag: "w", expected: 1 << 20, found: 1 << 62)),
        after("zeros of 2^62 bytes", zero(4096, 1 << 62), .extentOutsideImage, outside("z", 4096 + 1 << 62)),
        after(
            "zeros past 2^64", zero(1, .max), .extentOverflows, .init(tag: "z", expected: .max - 1, found: .max)),
        after(
            "an extent that overlaps", write(0, [7, 7]) + zero(1, 1), .extentOverlaps,
            .init(tag: "z", expected: 2, found: 1, laterBy: 1, bytesLater: 19)),
        after(
            "an extent that descends", zero(4096, 1) + zero(0, 1), .extentDescends,
            .init(tag: "z", expected: 4097, found: 0, laterBy: 1, bytesLater: 17)),
    ]

    static let order: [HostileStream] = [
        after("two target snapshots", v1("t", name("c")), .repeated, .init(tag: "t")),
        after("two sizes", v1("s", le64(8192)), .repeated, .init(tag: "s")),
        after(
            "two base snapshots", v1("f", name("a")) + v1("f", name("a")), .repeated,
            .init(tag: "f", laterBy: 1, bytesLater: 6)),
        after(
            "a base snapshot after data", zero(0, 1) + v1("f", name("a")), .afterData,
            .init(tag: "f", laterBy: 1, bytesLater: 17)),
        HostileStream(
            "data before the size", v1("t", name("b")) + zero(0, 1), .missing, .init(tag: "s"), record: 2,
            byteOffset: 6),
        HostileStream(
            "data before the target snapshot", v1("s", le64(1)) + zero(0, 1), .missing, .init(tag: "t"), record: 2,
            byteOffset: 9),
    ]

    private static func after(
        _ description: String, _ bytes: [UInt8], _ code: DiffError.Code, _ details: HostileStream.Details = .init()
    ) -> HostileStream {
        let header = v1("t", name("b")) + v1("s", le64(8192))
        return HostileStream(description, header + bytes, code, details, record: 3, byteOffset: UInt64(header.count))
    }

    private static func outside(_ tag: Character, _ end: UInt64) -> HostileStream.Details {
        .init(tag: tag, expected: 8192, found: end)
    }

    private static func v1(_ tag: Character, _ fields: [UInt8]) -> [UInt8] { [tag.asciiValue ?? 0] + fields }

    private static func write(_ offset: UInt64, _ data: [UInt8]) -> [UInt8] {
        v1("w", le64(offset) + le64(UInt64(data.count)) + data)
    }

    private static func zero(_ offset: UInt64, _ byteCount: UInt64) -> [UInt8] {
        v1("z", le64(offset) + le64(byteCount))
    }
}
