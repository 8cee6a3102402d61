/// A stream that must not be imported, and what the import has to say.
struct HostileStream: Sendable {
    let name: String
    let bytes: [UInt8]
    var status: Int32 = 1
    /// Which record is wrong, where the stream is at fault.
    var record: Int?
    var byteOffset: Int?
    /// What else the message says.
    var words = ""

    /// A stream that is good up to `good`, whose record number `record` is bad.
    init(_ name: String, _ good: StreamBytes, record: Int, _ bad: [UInt8]) {
        self.name = name
        bytes = good.bytes + bad
        self.record = record
        byteOffset = good.bytes.count
    }

    /// A stream that is good up to `good`; the record that `bad` adds is bad, and a good end follows.
    init(_ name: String, _ good: StreamBytes, record: Int, _ bad: (StreamBytes) -> StreamBytes) {
        self.init(name, good, record: record, Array(bad(good).end().bytes.dropFirst(good.bytes.count)))
    }

    /// A stream that does not fit the image.
    init(_ name: String, _ stream: StreamBytes, status: Int32, _ words: String) {
        self.name = name
        bytes = stream.bytes
        self.status = status
        self.words = words
    }
}

extension HostileStream {
    static let imageByteCount: UInt64 = 1 << 20

    /// What makes the image that hostile diffs start from.
    static let base = StreamBytes.v1.to("s1").size(imageByteCount)
        .write(0, 300_000).write(524_288, 65_536).end()

    /// A good beginning: three records.
    private static let start = StreamBytes.v1.from("s1").to("s2").size(imageByteCount)
    /// A good beginning with data, so that there is something to undo: five records.
    private static let begun = start.write(4096, 400_000, seed: 2).zero(600_000, 8192)
    private static let names = StreamBytes.v1.from("s1")
    private static let begunV2 = StreamBytes.v2.from("s1").to("s2").size(imageByteCount).write(4096, 9000)

    /// Diffs that are damaged.
    static let damaged: [HostileStream] = [
        HostileStream("a size of 2^62", names.to("s2"), record: 3) { $0.size(1 << 62) },
        HostileStream("an unknown tag in v1", begun, record: 6) { $0.raw(Array("x12345678".utf8)) },
        HostileStream("cut inside of data", begun, record: 6, cutWrite(100)),
        HostileStream("cut inside of a record's head", begun, record: 6, cutWrite(4096 + 5)),
        HostileStream("no end", begun, record: 6, []),
        HostileStream("a write outside of the image", begun, record: 6) { $0.write(2 << 20, 4096) },
        HostileStream("zeros outside of the image", begun, record: 6) { $0.zero(2 << 20, 4096) },
        HostileStream("a write across the image's end", begun, record: 6) { $0.write(imageByteCount - 100, 4096) },
        HostileStream("zeros across the image's end", begun, record: 6) { $0.zero(imageByteCount - 100, 4096) },
        HostileStream("a write of no bytes", begun, record: 6) { $0.write(700_000, 0) },
        HostileStream("zeros of no bytes", begun, record: 6) { $0.zero(700_000, 0) },
        HostileStream("a write of 2^62 bytes", begun, record: 6) { $0.write(700_000, saying: 1 << 62, [1, 2, 3]) },
        HostileStream("a write of 2^64 - 1 bytes", begun, record: 6) { $0.write(700_000, saying: .max, [1, 2, 3]) },
        HostileStream("a write of 2^50 bytes", begun, record: 6) { $0.write(700_000, saying: 1 << 50, [1, 2, 3]) },
        HostileStream("zeros past 2^64", begun, record: 6) { $0.zero(.max - 5, 4096) },
        HostileStream("two names to lead to", start, record: 4) { $0.to("s3") },
        HostileStream("two sizes", start, record: 4) { $0.size(2 << 20) },
        HostileStream("an empty name", names, record: 2) { $0.to("").size(imageByteCount) },
        HostileStream("a name of 4097 bytes", names, record: 2) { name in
            name.to(String(repeating: "n", count: 4097)).size(imageByteCount)
        },
        HostileStream("a name of 2^32 - 1 bytes", names, record: 2, Array("t".utf8) + [255, 255, 255, 255, 65, 66]),
        HostileStream("a name that is no text", names, record: 2) { $0.to(bytes: [65, 255]).size(imageByteCount) },
        HostileStream("a name with a zero byte", names, record: 2) { $0.to(bytes: [65, 0, 66]).size(imageByteCount) },
        HostileStream("a write into the one before it", begun.write(650_000, 5000), record: 7) { $0.write(654_000, 9) },
        HostileStream("a write before the one before it", begun, record: 6) { $0.write(0, 4096) },
        HostileStream("bytes after the end", begun.end(), record: 7, [0]),
        HostileStream("another diff after the end", begun.end(), record: 7, start.end().bytes),
        HostileStream("data in front of the size", names.to("s2"), record: 3) { $0.write(0, 4096) },
        HostileStream("a name after data", begun, record: 6) { $0.to("s3") },
        HostileStream("a size after data", begun, record: 6) { $0.size(2 << 20) },
        HostileStream("no size", names.to("s2"), record: 3) { $0 },
        HostileStream("a banner that nobody writes", noBanner, record: 0, Array("rbd diff v3\nf".utf8)),
        HostileStream("text", noBanner, record: 0, Array("#!/bin/sh\necho hello\n".utf8)),
        HostileStream("nothing at all", noBanner, record: 0, []),
        HostileStream("half a banner", noBanner, record: 0, Array("rbd di".utf8)),
        HostileStream("v2: a length that does not fit its record", begunV2, record: 5) { stream in
            stream.raw(Array("z".utf8) + [15] + [UInt8](repeating: 0, count: 7 + 16))
        },
        HostileStream("v2: an unknown record of 2^62 bytes", begunV2, record: 5) { stream in
            stream.raw(Array("?".utf8) + [0, 0, 0, 0, 0, 0, 0, 64, 1, 2])
        },
    ]

    /// Diffs that may be good, for another image.
    static let unfit: [HostileStream] = [
        HostileStream(
            "a base that the image lacks", StreamBytes.v1.from("s0").to("s2").size(imageByteCount).end(), status: 5,
            "does not have"),
        HostileStream(
            "a target that the image has", StreamBytes.v1.from("s1").to("s1").size(imageByteCount).end(), status: 5,
            "already has"),
        HostileStream("a full diff", base, status: 5, "not empty"),
        HostileStream("an image", .image([fromTo(nil, "s1"), fromTo("s1", nil)]), status: 5, "not empty"),
    ]

    /// Whole images that are damaged.
    static let damagedImages: [HostileStream] = {
        let (one, two, head) = (fromTo(nil, "s1"), fromTo("s1", "s2"), fromTo("s2", nil))
        let upToOne = StreamBytes.image(count: 3, [one])
        let opening = StreamBytes.v2.from("s1").to("s2").size(imageByteCount)
        let inTwo = upToOne.raw(opening.bytes)
        let cutData = Array(opening.write(8192, 70_000).cut(9000).bytes.dropFirst(opening.bytes.count))
        let upToTwo = StreamBytes.image(count: 3, [one, two])
        return [
            HostileStream("cut after a snapshot", upToOne, record: 0, []),
            HostileStream("cut in the second diff", inTwo, record: 4, cutData),
            HostileStream("a diff too few", upToTwo, record: 0, []),
            HostileStream(
                "a diff too many", StreamBytes.image(count: 2, [one, fromTo("s1", nil)]), record: 0, head.bytes),
            HostileStream("no size", upToOne.raw(StreamBytes.v2.from("s1").bytes), record: 2) { $0 },
            HostileStream("no diffs", StreamBytes.image(count: 0, []), record: 0, []),
            HostileStream("2^40 diffs", StreamBytes.image(count: 1 << 40, []), record: 0, []),
            HostileStream("a diff from another snapshot", upToOne, record: 0, fromTo("s0", "s2").bytes),
            HostileStream(
                "two diffs to one snapshot", upToOne, record: 0, fromTo("s1", "s1").bytes + fromTo("s1", nil).bytes),
        ]
    }()

    private static var noBanner: StreamBytes { .v1.cut(12) }

    private static func cutWrite(_ byteCount: Int) -> [UInt8] {
        Array(start.write(700_000, 4096).cut(byteCount).bytes.dropFirst(start.bytes.count))
    }

    private static func fromTo(_ from: String?, _ to: String?) -> StreamBytes {
        var diff = StreamBytes.v2
        if let from { diff = diff.from(from) }
        if let to { diff = diff.to(to) }
        return diff.size(imageByteCount).write(8192, 70_000, seed: UInt64((to ?? "head").utf8.count)).end()
    }
}
