import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "What a whole image says of itself arrives", .serialized, .timeLimit(.minutes(1)),
        .enabled(if: Cluster.areThere))
    struct ImagePropertyTests {
        private static let layouts = [
            ["--object-size", "1M"], ["--object-size", "8M", "--stripe-unit", "64K", "--stripe-count", "4"],
        ]

        @Test("layout, protection and metadata, when rbd reads what we export", arguments: layouts)
        func exported(layout: [String]) async throws {
            try await StreamStage.with { stage in
                let (source, target) = (try await image(stage, layout), try stage.target())
                let outcome = try await ShellCommand.pipe(
                    source.ferryExport("--format", "image-v2"),
                    target.stockImport())
                #expect(outcome.isGood, "\(outcome.errors)")
                #expect(try await Properties(of: target) == Properties(of: source))
            }
        }

        @Test("the same, when we read what rbd exports; but what would set up librbd is left out", arguments: layouts)
        func imported(layout: [String]) async throws {
            try await StreamStage.with { stage in
                let (source, target) = (try await image(stage, layout), try stage.target())
                try await source.change(.metadata(key: "conf_rbd_cache", value: "false"))
                let file = stage.file("image")
                try await source.stockExport(to: file).run()
                let outcome = try await target.ferryImport(file).outcome()
                #expect(outcome.status == 0)
                #expect(outcome.errors.contains("conf_rbd_cache"), "\(outcome.errors)")
                var expected = try await Properties(of: source)
                expected.metadata["conf_rbd_cache"] = nil
                #expect(try await Properties(of: target) == expected)
            }
        }

        @Test("all of it by way of a folder")
        func folder() async throws {
            try await StreamStage.with { stage in
                let (source, local) = (try await image(stage, Self.layouts[1]), stage.local())
                let first = try await ShellCommand.pipe(
                    source.ferryExport("--format", "image-v2"), local.ferryImport())
                #expect(first.isGood, "\(first.errors)")
                let target = try stage.target()
                let second = try await ShellCommand.pipe(
                    local.ferryExport("--format", "image-v2"), target.ferryImport())
                #expect(second.isGood, "\(second.errors)")
                #expect(try await Properties(of: target) == Properties(of: source))
            }
        }

        private func image(_ stage: StreamStage, _ layout: [String]) async throws -> SiteImage {
            let image = try stage.source()
            try await image.create(byteCount: 5 << 20, options: layout)
            try await image.change(
                .write(seed: 1, offset: 0, byteCount: 100_000), .snapshot("one"), .snapshot("two"), .protect("two"),
                .metadata(key: "owner", value: "the archive"), .metadata(key: "Umlaut-ä", value: "ö = \"ü\"\n"))
            return image
        }

        private struct Properties: Equatable {
            struct Info: Decodable, Equatable {
                var order: Int
                var stripeUnit: Int?
                var stripeCount: Int?
                var size: Int
            }
            struct Snapshot: Decodable, Equatable {
                var name: String
                var size: Int
                var `protected`: String
            }
            var info: Info
            var snapshots: [Snapshot]
            var metadata: [String: String]

            init(of image: SiteImage) async throws {
                info = try await Self.json("info", image)
                snapshots = try await Self.json("snap ls", image)
                metadata = try await Self.json("image-meta list", image)
            }

            private static func json<Value: Decodable>(_ command: String, _ image: SiteImage) async throws -> Value {
                let words = command.split(separator: " ").map(String.init) + ["--format", "json", image.spec]
                let text = try await (image.stock() + words).run()
                let decoder = JSONDecoder()
                // Keys of metadata are the user's.
                if Value.self != [String: String].self { decoder.keyDecodingStrategy = .convertFromSnakeCase }
                return try decoder.decode(Value.self, from: Data(text.utf8))
            }
        }
    }
}
