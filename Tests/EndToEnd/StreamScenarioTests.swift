import Foundation
import Testing

extension EndToEnd {
    /// What Ceph's own tests of these commands look at (diff.sh, diff_continuous.sh, import_export.sh), written anew.
    @Suite(
        "Streams as Ceph's tests use them", .serialized, .timeLimit(.minutes(2)), .enabled(if: Cluster.areThere))
    struct StreamScenarioTests {
        private static let mebibyte = 1 << 20

        @Test("diffs in order are equal; out of order, again, or onto another image they are refused")
        func order() async throws {
            try await StreamStage.with { stage in
                let (source, target, other) = (try stage.source(), try stage.target(), try stage.target("other"))
                try await History.discards.make(source)
                let files = ["s1", "s2", "s3"].map { stage.file($0) }
                for (number, file) in files.enumerated() {
                    let base = number == 0 ? nil : "s\(number)"
                    try await source.ferryExport(at: "s\(number + 1)", from: base, "-o", file).run()
                }
                try await target.ferryImport(files[0]).run()
                #expect(try await target.ferryImport(files[2]).outcome().status == 5, "out of order")
                try await target.ferryImport(files[1]).run()
                for file in files[0...1] {
                    #expect(try await target.ferryImport(file).outcome().status == 5, "again")
                }
                try await target.ferryImport(files[2]).run()
                #expect(try await target.digests() == source.digests())
                try await other.create(byteCount: 12 * Self.mebibyte)
                try await other.change(.snapshot("s7"))
                let before = try await other.state()
                let outcome = try await other.ferryImport(files[1]).outcome()
                #expect(outcome.status == 5 && outcome.errors.contains("s7"), "\(outcome.errors)")
                #expect(try await other.state() == before)
            }
        }

        @Test("a clone of a striped image is followed into one of other objects while it is written to")
        func continuous() async throws {
            try await StreamStage.with { stage in
                let (source, target) = (try stage.source(), try stage.target())
                let clone = History(
                    name: "clone", options: ["--stripe-unit", "64K", "--stripe-count", "8"], isClone: true, steps: [[]])
                try await clone.make(source)
                try await target.create(byteCount: 0, options: ["--object-size", "512K"])
                let writer = try source.startChange(.torment(seed: 5, byteCountMax: 60_000))
                try await eventually("the writer writes") { writer.output.contains("begun") }
                for number in 1...10 {
                    if number > 1 {
                        try await source.stock("snap", "create", "--no-progress", "\(source.spec)@s\(number)").run()
                    }
                    let outcome = try await ShellCommand.pipe(
                        source.ferryExport(at: "s\(number)", from: number == 1 ? nil : "s\(number - 1)", "-q"),
                        target.ferryImport())
                    #expect(outcome.isGood, "\(number): \(outcome.errors)")
                }
                writer.signal(SIGTERM)
                #expect(try await writer.outcome().status == 0)
                let expected = try await source.state()
                #expect(try await target.state().snapshots == expected.snapshots)
                #expect(Set(expected.snapshots.values).count == 10, "it was written to")
                try await source.expectReleased()
            }
        }

        @Test("a copy takes no more room than its source", arguments: ["v1", "image-v2"])
        func sparse(format: String) async throws {
            try await StreamStage.with { stage in
                let (source, local, target) = (try stage.source(), stage.local(), try stage.target())
                try await History.sparse.make(source)
                let spec = format == "v1" ? "s3" : nil
                let outcome = try await ShellCommand.pipe(
                    source.ferryExport(at: spec, "--format", format), local.ferryImport())
                #expect(outcome.isGood, "\(outcome.errors)")
                let onward = try await ShellCommand.pipe(
                    local.ferryExport(at: spec, "--format", format), target.ferryImport())
                #expect(onward.isGood, "\(onward.errors)")
                let (here, there) = (try await objects(source), try await objects(target))
                #expect(there == here, "objects of 4 MiB that the images have")
                let blocks = try await ShellCommand(["stat", "-c", "%b", "\(local.spec)/head.raw"]).run()
                let byteCount = try #require(Int(blocks.trimmingCharacters(in: .newlines))) * 512
                #expect(byteCount < 512 << 10, "of 40 MiB, with five small writes")
            }
        }

        @Test("an image of zeros is as small on the other side, and its stream is short")
        func zeros() async throws {
            try await StreamStage.with { stage in
                let (source, target) = (try stage.source(), try stage.target())
                try await source.create(byteCount: 32 * Self.mebibyte)
                try await source.change(
                    .write(seed: 1, offset: 0, byteCount: 8 * Self.mebibyte),
                    .zero(offset: 0, byteCount: 8 * Self.mebibyte), .snapshot("s1"))
                let file = stage.file("zeros")
                try await source.ferryExport(at: "s1", "-o", file).run()
                #expect(try [UInt8](contentsOf: file).count < 100)
                try await target.ferryImport(file).run()
                #expect(try await target.digests() == source.digests())
                #expect(try await objects(target).isEmpty)
            }
        }

        @Test("two exports of the same snapshots at once both end well, and hold the same")
        func twoExports() async throws {
            try await StreamStage.with { stage in
                let source = try stage.source()
                try await History.discards.make(source)
                let files = (1...8).map { stage.file("export-\($0)") }
                let commands = try files.map { file in
                    try source.ferryExport(at: "s2", from: "s1", "-o", file).start()
                }
                for command in commands {
                    let outcome = try await command.outcome()
                    #expect(outcome.status == 0, "\(outcome.errors)")
                }
                #expect(Set(try files.map { try [UInt8](contentsOf: $0) }).count == 1)
                try await source.expectReleased()
            }
        }

        /// The numbers of the objects that an image's head has.
        private func objects(_ image: SiteImage) async throws -> [String] {
            guard case .ceph(let cluster, _, _) = image.place else { return [] }
            let info = try await cluster.rbd("info", image.spec)
            let prefix = try #require(info.split(separator: "block_name_prefix: ").last?.split(separator: "\n").first)
            // With its snapshots an object's name stays listed, so the head's are asked for one by one.
            let script = """
                for object in $(rados -c "$0" -p rbd ls | grep "^$1" | sort); do
                    rados -c "$0" -p rbd stat "$object" >/dev/null 2>&1 && echo "${object##*.}"
                done; true
                """
            return try await ShellCommand.bash(script, cluster.confPath, String(prefix)).run()
                .split(separator: "\n").map(String.init)
        }
    }
}
