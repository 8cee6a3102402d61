import Foundation
import Testing

extension EndToEnd {
    @Suite("rbd-ferry inspect", .serialized, .timeLimit(.minutes(1)))
    struct InspectTests {
        private struct Document: Decodable {
            struct Diff: Decodable, Equatable {
                var from: String?
                var to: String?
                var isProtected: Bool?
                var sizeBytes: Int?
                var writes: Int
                var writtenBytes: Int
                var zeros: Int
                var zeroedBytes: Int
            }
            struct Image: Decodable {
                var order: Int
                var stripeUnitBytes: Int
                var stripeCount: Int
                var metadata: [String: String]
            }
            struct Fault: Decodable {
                var cause: String
                var record: Int?
                var byteOffset: Int?
            }
            var format: String?
            var isCompressed: Bool
            var streamBytes: Int
            var sha256: String?
            var image: Image?
            var diffs: [Diff]
            var fault: Fault?
        }

        private static let diff = StreamBytes.v1.from("s1").to("s2").size(1 << 20).write(0, 5000).zero(8192, 4096)
            .write(70_000, 1).end()
        private static let expected = Document.Diff(
            from: "s1", to: "s2", sizeBytes: 1 << 20, writes: 2, writtenBytes: 5001, zeros: 1, zeroedBytes: 4096)

        @Test("counts what is in a diff, plain and inside of zstd, and gives its SHA-256")
        func diff() async throws {
            try await StreamStage.with { stage in
                let file = try stage.write("diff", Self.diff.bytes)
                try await ShellCommand(["zstd", "-q", "-k", file]).run()
                let sum = try await ShellCommand(["sha256sum", file]).run().prefix(64)
                for (path, isCompressed) in [(file, false), ("\(file).zst", true)] {
                    let found = try await inspect(path, status: 0)
                    #expect(found.format == "v1" && found.isCompressed == isCompressed && found.fault == nil)
                    #expect(found.sha256 == String(sum) && found.streamBytes == Self.diff.bytes.count)
                    #expect(found.diffs == [Self.expected])
                }
                let piped = try await ShellCommand.bash("\"$0\" inspect - < \"$1\"", FerryBinary.path, file).run()
                #expect(piped.contains(sum) && piped.contains("2 writes of 5001 bytes"), "\(piped)")
                let quiet = try await ShellCommand.ferry("inspect", "-q", file).outcome()
                #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.errors.isEmpty)
            }
        }

        @Test("agrees with rbd about what rbd wrote, and about what we wrote", .enabled(if: Cluster.areThere))
        func images() async throws {
            try await StreamStage.with { stage in
                let source = try stage.source()
                try await source.create(byteCount: 9 << 20, options: ["--object-size", "1M"])
                try await source.change(
                    .write(seed: 1, offset: 1 << 20, byteCount: 3 << 20), .metadata(key: "owner", value: "me"),
                    .snapshot("s1"), .protect("s1"), .discard(offset: 1 << 20, byteCount: 1 << 20),
                    .write(seed: 2, offset: 8 << 20, byteCount: 1 << 20), .snapshot("s2"))
                let (stock, own) = (stage.file("stock"), stage.file("own"))
                try await source.stockExport(to: stock).run()
                try await source.ferryExport("--format", "image-v2", "--zstd", "-o", own).run()
                for path in [stock, own] {
                    let found = try await inspect(path, status: 0)
                    #expect(found.format == "image-v2" && found.isCompressed == (path == own))
                    #expect(found.image?.order == 20 && found.image?.metadata == ["owner": "me"])
                    #expect(
                        found.diffs.map(\.to) == ["s1", "s2", nil] && found.diffs.map(\.from) == [nil, "s1", "s2"])
                    #expect(found.diffs.map(\.isProtected) == [true, false, nil])
                    #expect(found.diffs.map(\.writtenBytes) == [3 << 20, 1 << 20, 0])
                    #expect(found.diffs.map(\.zeroedBytes) == [0, 1 << 20, 0])
                    #expect(found.diffs.allSatisfy { $0.sizeBytes == 9 << 20 })
                }
                let sum = try await ShellCommand.bash("zstd -dc \"$0\" | sha256sum", own).run().prefix(64)
                #expect(try await inspect(own, status: 0).sha256 == String(sum))
            }
        }

        @Test("says of every damaged stream where it is damaged, with code 4")
        func damaged() async throws {
            try await StreamStage.with { stage in
                for stream in HostileStream.damaged + HostileStream.damagedImages {
                    let found = try await inspect(try stage.write("stream", stream.bytes), status: 4, stream.name)
                    #expect(found.sha256 == nil, "\(stream.name)")
                    guard let record = stream.record, record > 0 else { continue }
                    #expect(found.fault?.record == record, "\(stream.name)")
                    #expect(found.fault?.byteOffset == stream.byteOffset, "\(stream.name)")
                }
                let file = try stage.write("diff", Self.diff.bytes)
                try await ShellCommand(["zstd", "-q", file]).run()
                let cut = try stage.write("cut", Array([UInt8](contentsOf: "\(file).zst").dropLast(3)))
                #expect(try await inspect(cut, status: 4).fault?.cause.contains("zstd") == true)
                let outcome = try await ShellCommand.ferry("inspect", cut).outcome()
                #expect(outcome.status == 4 && outcome.errors.contains(cut), "\(outcome.errors)")
            }
        }

        private func inspect(_ path: String, status: Int32, _ comment: String = "") async throws -> Document {
            let outcome = try await ShellCommand.ferry("inspect", "--json", path).outcome()
            #expect(outcome.status == status, "\(comment): \(outcome.errors)")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Document.self, from: Data(outcome.output.utf8))
        }
    }
}
