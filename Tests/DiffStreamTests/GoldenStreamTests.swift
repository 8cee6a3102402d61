import DiffStream
import FerryCore
import Testing

@Suite("Golden streams of a real rbd")
struct GoldenStreamTests {
    static let files: [(name: String, form: DiffEncoder.ProtectionForm)] = [
        ("history.image-v2", .length8), ("history-short-protection.image-v2", .length1), ("striped.image-v2", .length8),
        ("empty.image-v2", .length8),
    ]

    @Test("an exported image decodes and encodes to the same bytes", arguments: files)
    func imageRoundTrip(file: (name: String, form: DiffEncoder.ProtectionForm)) throws {
        let bytes = try golden(file.name)
        let stream = ImageStream(decoding: bytes)
        #expect(stream.error == nil)
        #expect(UInt64(stream.diffs.count) == stream.diffCount)
        #expect(stream.encoded(protectionForm: file.form) == bytes)
    }

    @Test("both lengths of a protection record mean the same")
    func protectionLengths() throws {
        let long = ImageStream(decoding: try golden("history.image-v2"))
        let short = ImageStream(decoding: try golden("history-short-protection.image-v2"))
        #expect(long == short)
    }

    @Test("an image's header holds its layout and its metadata")
    func headers() throws {
        #expect(
            ImageStream(decoding: try golden("history.image-v2")).header
                == ImageHeader(
                    order: 16, features: 61, stripeUnit: 65536, stripeCount: 1,
                    metadata: [
                        .init(key: "note", value: "größer als 1 TiB?"), .init(key: "owner", value: "site a"),
                    ]))
        #expect(
            ImageStream(decoding: try golden("striped.image-v2")).header
                == ImageHeader(order: 14, features: 63, stripeUnit: 4096, stripeCount: 4))
    }

    @Test("full, grown, shrunk, unchanged and head diffs hold what was done to the image")
    func history() throws {
        let diffs = ImageStream(decoding: try golden("history.image-v2")).diffs
        #expect(diffs.map { $0.compactMap(\.record) } == Self.historyRecords)
        // rbd pads a fresh object from its start: 64 KiB to 70000 were never written.
        let padded = [UInt8](repeating: 0, count: 70000 - 65536) + lines("beta", byteCount: 1000)
        #expect(diffs[0].data == [lines("alpha", byteCount: 8192), padded, lines("gamma", byteCount: 65536)])
        #expect(diffs[2].data == [lines("epsilon", byteCount: 50)])
        #expect(diffs[4].data == [lines("zeta", byteCount: 2)])
    }

    @Test("an image of no bytes, and one without snapshots")
    func smallImages() throws {
        #expect(
            ImageStream(decoding: try golden("empty.image-v2")).diffs == [[.event(.imageByteCount(0)), .event(.end)]])
        let striped = ImageStream(decoding: try golden("striped.image-v2")).diffs
        #expect(
            striped.map { $0.compactMap(\.record) } == [
                [
                    .imageByteCount(262_144), .write(Extent(offset: 0, byteCount: 20000)),
                    .write(Extent(offset: 196_608, byteCount: 3402)), .end,
                ]
            ])
    }

    @Test("our own encoding of every standard record is the golden one")
    func everyRecord() throws {
        let bytes = try golden("every-record.diff-v2")
        let steps: [Step] = [
            .event(.fromSnapshot("base")), .event(.toSnapshot("target")), .event(.protection(true)),
            .event(.imageByteCount(1 << 20)), .event(.write(Extent(offset: 4096, byteCount: 5))),
            .data(offset: 4096, bytes: Array("hello".utf8)), .event(.zero(Extent(offset: 65536, byteCount: 4096))),
            .event(.end),
        ]
        var encoded: [UInt8] = []
        DiffEncoder.appendBanner(to: &encoded)
        encoded += encode(steps, protectionForm: .length1)
        #expect(encoded == bytes)
        let decoded = decode(bytes, banner: .required, limits: .wire)
        #expect(decoded.steps == steps)
        #expect(decoded.error == nil)
    }

    static let historyRecords: [[DiffEvent]] = [
        [
            .toSnapshot("first"), .protection(false), .imageByteCount(262_144),
            .write(Extent(offset: 0, byteCount: 8192)), .write(Extent(offset: 65536, byteCount: 5464)),
            .write(Extent(offset: 131_072, byteCount: 65536)), .end,
        ],
        [
            .fromSnapshot("first"), .toSnapshot("second"), .protection(true), .imageByteCount(393_216),
            .zero(Extent(offset: 4096, byteCount: 4096)), .zero(Extent(offset: 131_072, byteCount: 65536)),
            .write(Extent(offset: 262_144, byteCount: 53248)), .end,
        ],
        [
            .fromSnapshot("second"), .toSnapshot("third"), .protection(false), .imageByteCount(135_168),
            .write(Extent(offset: 100, byteCount: 50)), .end,
        ],
        [
            .fromSnapshot("third"), .toSnapshot("fourth, nothing changed"), .protection(false),
            .imageByteCount(135_168), .end,
        ],
        [
            .fromSnapshot("fourth, nothing changed"), .imageByteCount(135_168),
            .write(Extent(offset: 4095, byteCount: 2)), .zero(Extent(offset: 70500, byteCount: 100)), .end,
        ],
    ]

    /// What the golden script's `text` writes.
    private func lines(_ seed: String, byteCount: Int) -> [UInt8] {
        var text: [UInt8] = []
        var number = 0
        while text.count < byteCount {
            let digits = String(number)
            text += "\(seed) line \(String(repeating: "0", count: 6 - digits.count))\(digits)\n".utf8
            number += 1
        }
        return Array(text.prefix(byteCount))
    }
}

extension Step {
    /// The record's event; nil for data.
    var record: DiffEvent? {
        if case .event(let event) = self { event } else { nil }
    }
}

extension [Step] {
    /// The data, one array a write.
    var data: [[UInt8]] {
        compactMap { step in
            if case .data(_, let bytes) = step { bytes } else { nil }
        }
    }
}
