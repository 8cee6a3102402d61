import Foundation
import Testing

extension EndToEnd {
    @Suite("What the stream commands say to wrong commands", .serialized, .timeLimit(.minutes(1)))
    struct StreamUsageTests {
        @Test("help is printed, with code 0", arguments: ["export", "import", "merge", "extents", "inspect"])
        func help(command: String) async throws {
            let outcome = try await ShellCommand.ferry(command, "--help").outcome()
            #expect(outcome.status == 0 && outcome.output.contains("USAGE: rbd-ferry \(command)"), "\(outcome)")
        }

        @Test(
            "names that are none: 2, and how to write them",
            arguments: [
                "vm", "rbd:pool/vm", "ceph:vm", "ceph:a/b/c/d", "ceph:pool/", "ceph:pool/vm@", "dir:vm", "dir:/x/",
            ])
        func specs(spec: String) async throws {
            for command in [["export", spec], ["extents", spec], ["import", "/dev/null", spec]] {
                let outcome = try await (ShellCommand.ferry() + command).outcome()
                #expect(outcome.status == 2 && outcome.output.isEmpty, "\(command): \(outcome.errors)")
                #expect(outcome.errors.contains(spec) && outcome.errors.contains("POOL/IMAGE"), "\(outcome.errors)")
            }
        }

        @Test("command lines that make no sense: 2")
        func commandLines() async throws {
            try await StreamStage.with { stage in
                let image = try await image(stage)
                let file = try stage.write("stream", StreamBytes.v1.to("s3").size(4096).end().bytes)
                let lines: [(ShellCommand, String)] = [
                    (image.ferryExport(at: "s9"), "no snapshot s9"),
                    (image.ferryExport(at: "s2", from: "s9"), "no snapshot s9"),
                    (image.ferryExport(at: "s1", from: "s2"), "not older"),
                    (image.ferryExport(at: "s1", from: "s1"), "not older"),
                    (image.ferryExport(at: "s2", from: "s1", "--format", "image-v2"), "--from"),
                    (image.ferryExport(at: "s2", "--format", "v3"), "v3"),
                    (image.ferryExport(at: "s2", "--diff", "guess"), "guess"),
                    (image.ferryExport(at: "s2", "--json"), "-o FILE"),
                    (image.ferryExport(at: "s2", "--zstd", "--zstd-level", "99"), "zstd-level"),
                    (image.ferryExport(at: "s2", "-o", "\(stage.folder)/none/out"), "none/out"),
                    (image.ferryExport(at: "s2", "-o", stage.folder), stage.folder),
                    (image.ferryExtents(at: "s9"), "no snapshot s9"),
                    (image.ferryImport("\(stage.folder)/none"), "none"),
                    (ShellCommand.ferry("import", file, image.ferrySpec(at: "s3")), "not to a snapshot"),
                    (ShellCommand.ferry("inspect", "\(stage.folder)/none"), "none"),
                    (ShellCommand.ferry("inspect", stage.folder), stage.folder),
                ]
                for (command, words) in lines {
                    let outcome = try await command.outcome()
                    #expect(outcome.status == 2, "\(command.words): \(outcome.status) \(outcome.errors)")
                    #expect(outcome.errors.contains(words), "\(command.words): \(outcome.errors)")
                }
            }
        }

        @Test("an image, a pool or a cluster that is not there is named", .enabled(if: Cluster.areThere))
        func missing() async throws {
            try await StreamStage.with { stage in
                let image = try stage.source("none")
                for command in [image.ferryExport(), image.ferryExtents()] {
                    let outcome = try await command.outcome()
                    #expect([1, 2].contains(outcome.status), "\(outcome.status)")
                    #expect(outcome.errors.contains(image.name), "\(outcome.errors)")
                }
                let conf = try #require(Cluster.first).confPath
                let pool = try await ShellCommand.ferry(
                    "export", "ceph:nopool/vm", "--ceph-conf", conf, "--ceph-user", "admin"
                ).outcome()
                #expect([1, 2].contains(pool.status) && pool.errors.contains("nopool"), "\(pool.errors)")
                let cluster = try await ShellCommand.ferry(
                    "export", "ceph:rbd/vm", "--ceph-conf", "\(stage.folder)/none.conf"
                ).outcome()
                #expect([1, 2].contains(cluster.status) && cluster.errors.contains("none.conf"), "\(cluster.errors)")
            }
        }

        @Test(
            "an output file that exists is left alone: 2; with --force it is replaced", arguments: ["export", "merge"])
        func existingOutput(command: String) async throws {
            try await StreamStage.with { stage in
                let image = try await image(stage)
                let (one, two) = (stage.file("one"), stage.file("two"))
                try await image.ferryExport(at: "s1", "-o", one).run()
                try await image.ferryExport(at: "s2", from: "s1", "-o", two).run()
                let out = try stage.write("out", Array("precious".utf8))
                let words =
                    command == "export" ? image.ferryExport(at: "s1") : ShellCommand.ferry("merge", one, two)
                let outcome = try await (words + ["-o", out]).outcome()
                #expect(outcome.status == 2 && outcome.errors.contains("--force"), "\(outcome.errors)")
                #expect(try [UInt8](contentsOf: out) == Array("precious".utf8))
                try await (words + ["-o", out, "--force"]).run()
                #expect(try await ShellCommand.ferry("inspect", out).outcome().status == 0)
                #expect(try stage.fileNames().filter { $0.contains("partial") } == [])
                let mode = try await ShellCommand(["stat", "-c", "%a", out]).run()
                #expect(mode == "600\n", "images are secrets")
            }
        }

        @Test("an export that fails leaves what --force would have replaced")
        func forcedFailure() async throws {
            try await StreamStage.with { stage in
                let image = try await image(stage)
                let out = try stage.write("out", Array("precious".utf8))
                let outcome = try await image.ferryExport(at: "s9", "-o", out, "--force").outcome()
                #expect(outcome.status == 2)
                #expect(try [UInt8](contentsOf: out) == Array("precious".utf8))
                #expect(try stage.fileNames().filter { $0.contains("partial") } == [])
            }
        }

        @Test("a terminal is no place for a stream: 2")
        func terminal() async throws {
            try await StreamStage.with { stage in
                let image = try await image(stage)
                let line = image.ferryExport(at: "s1").words.joined(separator: " ")
                let outcome = try await ShellCommand(["script", "-qec", line, "/dev/null"]).outcome()
                #expect(outcome.status == 2 && outcome.output.contains("terminal"), "\(outcome.output.prefix(500))")
            }
        }

        @Test("reports: a line for people, a document for programs, nothing when quiet")
        func reports() async throws {
            struct Document: Decodable {
                struct Diff: Decodable { var from, to: String? }
                var result, format: String
                var diffs: [Diff]
                var streamBytes: Int?

                init(_ text: String) throws {
                    let decoder = JSONDecoder()
                    decoder.keyDecodingStrategy = .convertFromSnakeCase
                    self = try decoder.decode(Document.self, from: Data(text.utf8))
                }
            }
            try await StreamStage.with { stage in
                let image = try await image(stage)
                let out = stage.file("out")
                let json = try await image.ferryExport(at: "s2", from: "s1", "-o", out, "--json").outcome()
                let document = try Document(json.output)
                #expect(document.result == "exported" && document.format == "v1" && json.errors.isEmpty)
                #expect(document.diffs.map(\.from) == ["s1"] && document.diffs.map(\.to) == ["s2"])
                #expect(try document.streamBytes == [UInt8](contentsOf: out).count)
                let quiet = try await image.ferryExport(at: "s2", "-q", "-o", stage.file("quiet")).outcome()
                #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.errors.isEmpty)
                let line = try await image.ferryExport(at: "s2", "-o", stage.file("line")).outcome()
                #expect(line.errors.contains("exported vm (v1): all to s2") && line.output.isEmpty, "\(line.errors)")
            }
        }

        /// An image in a folder, with two snapshots.
        private func image(_ stage: StreamStage) async throws -> SiteImage {
            let image = stage.local()
            let full = StreamBytes.v1.to("s1").size(1 << 20).write(0, 5000).end()
            let increment = StreamBytes.v1.from("s1").to("s2").size(1 << 20).write(9000, 50, seed: 2).end()
            try await image.ferryImport(try stage.write("full", full.bytes)).run()
            try await image.ferryImport(try stage.write("increment", increment.bytes)).run()
            return image
        }
    }
}
