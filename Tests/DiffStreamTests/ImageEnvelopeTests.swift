import DiffStream
import FerryCore
import Testing

@Suite("Image envelopes")
struct ImageEnvelopeTests {
    static let header = ImageHeader(order: 22, features: 61, stripeUnit: 1 << 22, stripeCount: 1)

    @Test("a diff in an envelope of ours comes out as it went in")
    func wrapped() throws {
        let diff = try golden("every-record.diff-v2")
        let stream = ImageStream(decoding: envelope(Self.header, diffCount: 1) + diff)
        #expect(stream.error == nil)
        #expect(stream.header == Self.header)
        #expect(stream.diffs == [decode(diff, banner: .required).steps])
    }

    @Test("an image stream cut after any byte is never taken for a whole one")
    func cut() throws {
        for bytes in [try golden("empty.image-v2"), Array(try golden("history.image-v2").prefix(400))] {
            for end in 0..<bytes.count {
                let error = ImageStream(decoding: Array(bytes[..<end])).error
                #expect(error?.code == .cutShort || error?.code == .endMissing, "cut after \(end) bytes")
            }
        }
    }

    @Test("a stream with fewer diffs than it states is cut short")
    func missingDiff() throws {
        let diff = try golden("every-record.diff-v2")
        let bytes = envelope(Self.header, diffCount: 2) + diff
        let end = RecordPosition(number: 0, byteOffset: UInt64(bytes.count))
        #expect(ImageStream(decoding: bytes).error == DiffError(.cutShort, at: end))
    }

    @Test("an error in a diff is placed from the start of the file")
    func placeOfAnError() throws {
        let head = envelope(Self.header, diffCount: 1)
        let bytes = head + Array("rbd diff v2\n".utf8) + record("t", name("b")) + record("z", length: 3)
        let place = RecordPosition(number: 2, byteOffset: UInt64(head.count) + 12 + 14)
        #expect(
            ImageStream(decoding: bytes).error
                == DiffError(.badRecordLength, at: place, tag: DiffTag.zero, expected: 16, found: 3))
    }

    @Test("unknown header records are passed over")
    func unknownRecords() throws {
        var bytes = envelope(Self.header, diffCount: 1) + (try golden("every-record.diff-v2"))
        bytes.insert(contentsOf: record("F", le64(2)) + record("X"), at: 13)
        let stream = ImageStream(decoding: bytes)
        #expect(stream.header == Self.header)
        #expect(ImageStream(decoding: bytes, cuts: Array(1..<bytes.count)) == stream)
        #expect(stream.error == nil)
    }

    @Test("a wrong header is refused", arguments: wrongHeaders)
    func wrongHeader(header: HostileStream) {
        let stream = ImageStream(decoding: Array("rbd image v2\n".utf8) + header.bytes)
        #expect(stream.error == header.error)
    }

    static let wrongHeaders: [HostileStream] = [
        HostileStream(
            "an order of 4 bytes", record("O", [1, 2, 3, 4]), .badRecordLength,
            .init(tag: "O", expected: 8, found: 4), byteOffset: 13),
        HostileStream(
            "two orders", record("O", le64(1)) + record("O", le64(1)), .repeated, .init(tag: "O"), record: 2,
            byteOffset: 30),
        HostileStream("no order", [0x45], .missing, .init(tag: "O"), byteOffset: 13),
        HostileStream(
            "metadata without room for its lengths", record("M", [1]), .badRecordLength,
            .init(tag: "M", expected: 8, found: 1), byteOffset: 13),
        HostileStream(
            "metadata beyond the limit", record("M", length: .max), .metadataTooLong,
            .init(tag: "M", expected: 4_194_304, found: .max), byteOffset: 13),
        HostileStream(
            "a key longer than its record", record("M", name("k", length: .max) + name("v")), .contradictingLength,
            .init(tag: "M", expected: 2, found: UInt64(UInt32.max)), byteOffset: 13),
        HostileStream(
            "a value shorter than its record", record("M", name("k") + name("value", length: 3)),
            .contradictingLength, .init(tag: "M", expected: 5, found: 3), byteOffset: 13),
        HostileStream(
            "a value longer than its record", record("M", name("k") + name("value", length: 6)),
            .contradictingLength, .init(tag: "M", expected: 5, found: 6), byteOffset: 13),
        HostileStream(
            "a key that is not UTF-8", record("M", [1, 0, 0, 0, 0xff] + name("v")), .nameNotText, .init(tag: "M"),
            byteOffset: 13),
        HostileStream(
            "no diffs", Array(envelope(header, diffCount: 0).dropFirst(13)), .badDiffCount,
            .init(expected: 1, found: 0), record: 7, byteOffset: 101),
    ]
}

private func envelope(_ header: ImageHeader, diffCount: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    ImageEnvelopeEncoder.append(header, diffCount: diffCount, to: &bytes)
    return bytes
}
