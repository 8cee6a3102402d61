import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Whole images between rbd-ferry and rbd", .serialized, .timeLimit(.minutes(3)),
        .enabled(if: Cluster.areThere))
    struct ImageRouteTests {
        @Test("rbd import reads what we export", arguments: History.all)
        func exported(history: History) async throws {
            try await route(history) { stage, source in
                let target = try stage.target()
                let file = stage.file("image")
                try await source.ferryExport("--format", "image-v2", "-o", file).run()
                try await target.stock(
                    "import", "--no-progress", "--export-format", "2", file, target.spec
                ).run()
                return target
            }
        }

        @Test("we import what rbd export writes", arguments: History.all)
        func imported(history: History) async throws {
            try await route(history) { stage, source in
                let target = try stage.target()
                let outcome = try await ShellCommand.pipe(stockExport(source), target.ferryImport())
                #expect(outcome.isGood, "\(outcome.errors)")
                return target
            }
        }

        @Test("we import what we export, from a cluster to a folder and on to another cluster", arguments: History.all)
        func ours(history: History) async throws {
            try await route(history) { stage, source in
                let (local, target) = (stage.local(), try stage.target())
                let first = try await ShellCommand.pipe(
                    source.ferryExport("--format", "image-v2", "--zstd"), local.ferryImport())
                #expect(first.isGood, "\(first.errors)")
                let file = stage.file("image.zst")
                try await local.ferryExport("--format", "image-v2", "--zstd", "-o", file).run()
                try await target.ferryImport(file).run()
                #expect(try await local.state() == source.state())
                return target
            }
        }

        @Test("rbd export into a folder, and from there into rbd import", arguments: [History.shrunkThenGrown, .clone])
        func folder(history: History) async throws {
            try await route(history) { stage, source in
                let (local, target) = (stage.local(), try stage.target())
                let first = try await ShellCommand.pipe(stockExport(source), local.ferryImport())
                #expect(first.isGood, "\(first.errors)")
                let second = try await ShellCommand.pipe(
                    local.ferryExport("--format", "image-v2"),
                    target.stock("import", "--no-progress", "--export-format", "2", "-", target.spec))
                #expect(second.isGood, "\(second.errors)")
                return target
            }
        }

        @Test("a history ends at the snapshot that is named")
        func upToSnapshot() async throws {
            try await StreamStage.with { stage in
                let (source, target) = (try stage.source(), try stage.target())
                try await History.discards.make(source)
                let outcome = try await ShellCommand.pipe(
                    source.ferryExport(at: "s2", "--format", "image-v2"), target.ferryImport())
                #expect(outcome.isGood, "\(outcome.errors)")
                #expect(try await target.snapshotNames() == ["s1", "s2"])
                let digests = try await source.digests()
                #expect(try await target.digests() == digests.filter { $0.key != "s3" })
                #expect(try await target.digest(at: nil) == digests["s2"])
            }
        }

        private func stockExport(_ image: SiteImage) -> ShellCommand {
            image.stock("export", "--no-progress", "--export-format", "2", image.spec, "-")
        }

        private func route(
            _ history: History, _ body: (StreamStage, SiteImage) async throws -> SiteImage
        ) async throws {
            try await StreamStage.with { stage in
                let source = try stage.source()
                try await history.make(source)
                let expected = try await source.state()
                let target = try await body(stage, source)
                #expect(try await target.state() == expected)
                #expect(try await target.snapshotNames() == history.snapshots)
                try await source.expectReleased()
            }
        }
    }

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
                    target.stock("import", "--no-progress", "--export-format", "2", "-", target.spec))
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
                try await source.stock(
                    "export", "--no-progress", "--export-format", "2", source.spec, file
                ).run()
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
                var stripe_unit: Int?
                var stripe_count: Int?
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
                return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
            }
        }
    }
}
