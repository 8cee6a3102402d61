import Conversation
import FerryCore
import Foundation
import Testing

/// What a client with a good certificate sends in place of a delta, and what the receiver has to say about it.
struct HostileTransfer: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Part of the fault's cause.
    let words: String
    let send: @Sendable (HostileClient) async throws -> Void

    private init(
        _ name: String, _ words: String, _ send: @escaping @Sendable (HostileClient) async throws -> Void
    ) {
        testDescription = name
        self.words = words
        self.send = send
    }

    /// A block with the opening records and what `more` adds.
    private static func block(
        _ name: String, _ words: String, _ more: @escaping @Sendable (StreamBytes) -> StreamBytes
    ) -> HostileTransfer {
        HostileTransfer(name, words) { client in try await client.sendBlock(content(more(opening))) }
    }

    private static let byteCount: UInt64 = 1 << 20
    /// The records that open a full copy of `Offer.hostile`.
    private static let opening = StreamBytes.v2.to("s1").raw(protection).size(byteCount)
    private static let protection = Array("p".utf8) + [1, 0, 0, 0, 0, 0, 0, 0, 0]

    /// Without the banner, which is sent once.
    private static func content(_ stream: StreamBytes) -> [UInt8] { Array(stream.bytes.dropFirst(12)) }

    private static func header(_ tag: String, _ byteCount: UInt64) -> [UInt8] {
        Array(tag.utf8) + (0..<8).map { UInt8(truncatingIfNeeded: byteCount >> ($0 * 8)) }
    }

    /// Records of the wire that are wrong.
    static let records: [HostileTransfer] = [
        HostileTransfer("a block of 2^63 bytes", "9223372036854775808") { try await $0.send(header("B", 1 << 63)) },
        HostileTransfer("a control record of 2^63 bytes", "9223372036854775808") {
            try await $0.send(header("T", 1 << 63))
        },
        HostileTransfer("a keep-alive with a payload", "keepAlive record of 1 bytes, limit 0") {
            try await $0.send(header("K", 1) + [0])
        },
        HostileTransfer("an unknown tag", "unknown record tag 0x71") { try await $0.send(header("q", 0)) },
        HostileTransfer("a second hello", "hello record while receiving") {
            try await $0.send(.hello(Hello(agentVersion: "again", site: "h", versions: 1...1)))
        },
        HostileTransfer("an offer inside of a transfer", "offer record while receiving") {
            try await $0.send(.offer(.hostile("other")))
        },
        HostileTransfer("a progress report", "progress record while receiving") {
            try await $0.send(.progress(Progress(watermark: 1 << 63, contentByteCount: 1 << 63)))
        },
        HostileTransfer("totals without a block", "expected an end record, found totals") {
            try await $0.send(
                .totals(
                    Totals(
                        blockCount: 0, recordCount: 0, contentByteCount: 0,
                        digest: String(repeating: "0", count: 64))))
        },
        HostileTransfer("JSON that nests without end", "malformed totals record") {
            let nest = Array(repeating: UInt8(ascii: "["), count: 200_000)
            try await $0.send(header("T", UInt64(nest.count)) + nest)
        },
        HostileTransfer("a block that says 2 GiB", "2147483648") {
            try await $0.sendBlock([1, 2, 3], saying: 1 << 31, coding: .zstd)
        },
        HostileTransfer("a block of no bytes", "malformed block record") {
            try await $0.sendBlock([], saying: 0, coding: .zstd)
        },
        HostileTransfer("a wrong digest", "does not match its digest") {
            try await $0.sendBlock(content(opening), digest: [UInt8](repeating: 9, count: 16))
        },
    ]

    /// Records of the delta that are wrong.
    static let deltas: [HostileTransfer] = [
        block("a write of 2^63 bytes", "a write is too long") { $0.write(0, saying: 1 << 63, [1, 2, 3]) },
        block("a write at 2^63", "an extent ends outside the image") { $0.write(1 << 63, 4096) },
        block("a write that ends past 2^64", "an extent ends past 2^64") { $0.write(.max - 5, 4096) },
        block("a write past the end", "an extent ends outside the image") { $0.write(byteCount - 1, 4096) },
        block("zeros past the end", "an extent ends outside the image") { $0.zero(byteCount, 4096) },
        block("zeros past 2^64", "an extent ends past 2^64") { $0.zero(.max - 5, 4096) },
        block("a write into the one before it", "an extent overlaps the previous one") {
            $0.write(4096, 4096).write(8191, 4096)
        },
        block("a write before the one before it", "an extent lies before the previous one") {
            $0.write(65536, 4096).write(0, 4096)
        },
        block("the same zeros twice", "an extent overlaps the previous one") { $0.zero(4096, 4096).zero(4096, 4096) },
        block("millions of tiny records", "65536") { $0.raw((0..<70_000).flatMap { tiny(UInt64($0) * 2) }) },
        block("another size than was offered", "image size") { _ in
            StreamBytes.v2.to("s1").raw(protection).size(byteCount * 2).zero(0, 4096)
        },
        block("another snapshot than was offered", "to snapshot") { _ in
            StreamBytes.v2.to("../../../s1").raw(protection).size(byteCount).zero(0, 4096)
        },
        block("a base where none was agreed", "from snapshot") { _ in
            StreamBytes.v2.from("s0").to("s1").raw(protection).size(byteCount).zero(0, 4096)
        },
        block("records after the end", "something follows the end record") { $0.end().zero(0, 4096) },
        block("half a record", "expected whole records, found a cut one") { $0.write(0, 4096).cut(100) },
    ]

    /// A record of one byte.
    private static func tiny(_ offset: UInt64) -> [UInt8] {
        Array(StreamBytes.v2.write(offset, saying: 1, [7]).bytes.dropFirst(12))
    }

    /// A zstd frame that says 1 MiB and holds 100 MiB, and one that says nothing.
    static func bombs(_ stage: UsageStage) async throws -> [HostileTransfer] {
        let file = "\(stage.folder)/bomb"
        try await ShellCommand.bash("truncate -s 100M \"$0\"; zstd -q -f \"$0\" -o \"$0.zst\"", file).run()
        try await ShellCommand.bash("zstd -q -c < \"$0\" > \"$0.unsized\"", file).run()
        func bomb(_ name: String, _ words: String, _ path: String) throws -> HostileTransfer {
            let frame = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            return HostileTransfer(name, words) { try await $0.sendBlock(frame, saying: 1 << 20, coding: .zstd) }
        }
        return [
            try bomb("a frame of 100 MiB that says 1 MiB", "the frame's size is not the announced one", "\(file).zst"),
            try bomb("a frame without a size", "the frame does not state its size", "\(file).unsized"),
        ]
    }
}
