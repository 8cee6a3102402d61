import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "What happens to an export from outside", .serialized, .timeLimit(.minutes(2)), .enabled(if: Cluster.areThere))
    struct ExportInterferenceTests {
        private static let byteCount = 48 << 20

        @Test("a snapshot that is deleted meanwhile: 75, and the stream has no end", arguments: ["s1", "s2"])
        func deletedSnapshot(name: String) async throws {
            try await withSource { stage, source in
                let held = try HeldReader(of: source.ferryExport(at: "s2", from: "s1"), stage)
                try await held.reached()
                try await source.stock("snap", "unprotect", "\(source.spec)@\(name)").run()
                try await source.stock("snap", "rm", "--no-progress", "\(source.spec)@\(name)").run()
                let outcome = try await held.goOn()
                #expect(outcome.statuses == [75, 0], "\(outcome.errors)")
                #expect(outcome.errors.contains(name), "\(outcome.errors)")
                let inspected = try await ShellCommand.ferry("inspect", held.received).outcome()
                #expect(inspected.status == 4 && inspected.errors.contains("stops"), "\(inspected.errors)")
                try await source.expectReleased()
            }
        }

        @Test("the same into a file: the file does not appear")
        func deletedSnapshotFile() async throws {
            try await withSource { stage, source in
                try await slowDown(source)
                let file = stage.file("out")
                let command = try source.ferryExport(at: "s2", from: "s1", "-o", file).start()
                try await untilProtected(source, "s2")
                try await source.stock("snap", "unprotect", "\(source.spec)@s2").run()
                try await source.stock("snap", "rm", "--no-progress", "\(source.spec)@s2").run()
                let outcome = try await command.outcome()
                #expect(outcome.status == 75, "\(outcome.errors)")
                #expect(try stage.fileNames().filter { $0.contains("out") } == [])
                try await source.expectReleased()
            }
        }

        @Test("can't delete what is being exported", arguments: ["s1", "s2"])
        func pinned(name: String) async throws {
            try await withSource { stage, source in
                let held = try HeldReader(of: source.ferryExport(at: "s2", from: "s1"), stage)
                try await held.reached()
                let removal = try await source.stock("snap", "rm", "--no-progress", "\(source.spec)@\(name)").outcome()
                #expect(removal.status != 0 && removal.errors.contains("protected"), "\(removal.errors)")
                #expect(try await held.goOn().statuses == [0, 0])
                #expect(try await ShellCommand.ferry("inspect", held.received).outcome().status == 0)
                try await source.expectReleased()
            }
        }

        @Test("a signal: nothing of it is left", arguments: [SIGTERM, SIGINT], ["s2", nil])
        func signal(number: Int32, snapshot: String?) async throws {
            try await withSource { stage, source in
                try await slowDown(source)
                let file = stage.file("out")
                let command = try source.ferryExport(at: snapshot, "-o", file).start()
                try await eventually("it holds the image") {
                    let list = try await source.stock("snap", "ls", source.spec).run()
                    return list.contains(snapshot == nil ? "ferry-export-" : " yes")
                }
                command.signal(number)
                let outcome = try await command.outcome()
                #expect(outcome.status == 128 + number, "\(outcome.errors)")
                #expect(try stage.fileNames().filter { $0.contains("out") } == [])
                try await source.expectReleased()
            }
        }

        @Test("a reader that goes away: 75, and nothing is left", arguments: ["s2", nil])
        func readerGone(snapshot: String?) async throws {
            try await withSource { stage, source in
                for format in ["v1", "image-v2"] {
                    let outcome = try await ShellCommand.pipe(
                        source.ferryExport(at: snapshot, "--format", format), ShellCommand(["head", "-c", "1000"]))
                    #expect(outcome.statuses == [75, 0], "\(outcome.errors)")
                    try await source.expectReleased()
                }
            }
        }

        @Test("the head is exported as it was at one moment, though it is written to")
        func busyHead() async throws {
            try await withSource { stage, source in
                let writer = try source.startChange(.torment(seed: 4, byteCountMax: 9000))
                try await eventually("the writer writes") { writer.output.contains("begun") }
                let file = stage.file("out")
                try await source.ferryExport("--format", "image-v2", "-o", file).run()
                writer.signal(SIGTERM)
                _ = try await writer.outcome()
                try await stage.local().ferryImport(file).run()
                #expect(try await stage.local().digests() == source.digests())
                try await source.expectReleased()
            }
        }

        /// An image with two snapshots that differ everywhere, more than what fits between reading and writing.
        private func withSource(_ body: (StreamStage, SiteImage) async throws -> Void) async throws {
            try await StreamStage.with { stage in
                let source = try stage.source()
                try await source.create(byteCount: Self.byteCount)
                try await source.change(
                    .snapshot("s1"), .write(seed: 2, offset: 0, byteCount: Self.byteCount), .snapshot("s2"))
                try await body(stage, source)
            }
        }

        /// Lets librbd read at 8 MiB/s at most, so that there is time to interfere.
        private func slowDown(_ image: SiteImage) async throws {
            try await image.change(.metadata(key: "conf_rbd_qos_read_bps_limit", value: "\(8 << 20)"))
        }

        private func untilProtected(_ image: SiteImage, _ snapshot: String) async throws {
            try await eventually("\(snapshot) is protected") {
                let list = try await image.stock("snap", "ls", image.spec).run()
                return list.split(separator: "\n").contains { $0.contains(" \(snapshot) ") && $0.contains(" yes") }
            }
        }
    }
}
