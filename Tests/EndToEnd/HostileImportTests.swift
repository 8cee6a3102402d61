import Foundation
import Testing

extension EndToEnd {
    @Suite("A stream that is wrong leaves the image as it was", .serialized, .timeLimit(.minutes(3)))
    struct HostileImportTests {
        @Test("a damaged diff: 1, with the record's number and place", arguments: StreamTarget.available)
        func damaged(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let image = try await base(target, stage)
                for (number, stream) in HostileStream.damaged.enumerated() {
                    // A cluster takes its time, and the stream is checked in front of it.
                    guard target == .directory || number % 3 == 0 else { continue }
                    try await expectNothing(stream, image, stage)
                }
            }
        }

        @Test("a diff for another image: 5", arguments: StreamTarget.available)
        func unfit(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let image = try await base(target, stage)
                for stream in HostileStream.unfit { try await expectNothing(stream, image, stage) }
            }
        }

        @Test("a damaged image: 1, and none is made", arguments: StreamTarget.available)
        func damagedImages(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let image = try target.image(stage)
                for stream in HostileStream.damagedImages {
                    let file = try stage.write("stream", stream.bytes)
                    for outcome in try await bothWays(file, image) {
                        expect(outcome, stream)
                        #expect(try await !image.exists(), "\(stream.name)")
                    }
                }
            }
        }

        @Test("a diff where there is no image: 5, and none is made", arguments: StreamTarget.available)
        func noImage(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let image = try target.image(stage)
                let stream = HostileStream(
                    "no image", StreamBytes.v1.from("s1").to("s2").size(4096).end(), status: 5, "there is no image")
                for outcome in try await bothWays(try stage.write("stream", stream.bytes), image) {
                    expect(outcome, stream)
                    #expect(try await !image.exists())
                }
            }
        }

        @Test("zstd that is cut short, or has a wrong byte: 1", arguments: StreamTarget.available)
        func zstd(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let image = try await base(target, stage)
                let plain = StreamBytes.v1.from("s1").to("s2").size(HostileStream.imageByteCount)
                    .write(0, 1 << 20, seed: 7).end()
                let file = try stage.write("plain", plain.bytes)
                try await ShellCommand(["zstd", "-q", "--check", file]).run()
                let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(file).zst")))
                var flipped = whole
                flipped[flipped.count - 2] ^= 1
                for (name, bytes) in [("cut short", Array(whole.dropLast(5))), ("a wrong byte", flipped)] {
                    var stream = HostileStream(name, plain, status: 1, "zstd")
                    stream = stream.holding(bytes)
                    try await expectNothing(stream, image, stage)
                }
                #expect(try await image.ferryImport("\(file).zst").outcome().status == 0)
                #expect(try await image.snapshotNames() == ["s1", "s2"])
            }
        }

        @Test("what stock rbd skips or writes oddly is taken", arguments: StreamTarget.available)
        func oddities(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let image = try await base(target, stage)
                let size = StreamBytes.v2.from("s1").to("s2").raw(Array("?".utf8) + [3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3])
                    .raw(Array("p".utf8) + [8, 0, 0, 0, 0, 0, 0, 0, 0]).size(HostileStream.imageByteCount)
                let file = try stage.write("stream", size.write(3, 5000, seed: 3).end().bytes)
                // In tiny pieces, as a slow network brings them.
                let outcome = try await ShellCommand.pipe(
                    ShellCommand(["dd", "if=\(file)", "bs=7", "status=none"]), image.ferryImport())
                #expect(outcome.isGood, "\(outcome.errors)")
                #expect(try await image.snapshotNames() == ["s1", "s2"])
            }
        }

        /// An image with the snapshot `s1`.
        private func base(_ target: StreamTarget, _ stage: StreamStage) async throws -> SiteImage {
            let image = try target.image(stage)
            let file = try stage.write("base", HostileStream.base.bytes)
            if target == .cluster {
                try await image.create(byteCount: 0)
                try await image.stockImportDiff(file).run()
            } else {
                try await image.ferryImport(file).run()
            }
            return image
        }

        /// Imports from a file and from a pipe.
        private func bothWays(_ file: String, _ image: SiteImage) async throws -> [RunningCommand.Outcome] {
            let piped = ShellCommand.bash("cat \"$0\" | \"$@\"", file).appending(image.ferryImport())
            return [try await image.ferryImport(file).outcome(), try await piped.outcome()]
        }

        private func expectNothing(_ stream: HostileStream, _ image: SiteImage, _ stage: StreamStage) async throws {
            let before = try await image.state()
            let files = try await image.fileTimes()
            let file = try stage.write("stream", stream.bytes)
            expect(try await image.ferryImport(file).outcome(), stream)
            #expect(try await image.fileTimes() == files, "\(stream.name), from a file: nothing is written")
            let piped = ShellCommand.bash("cat \"$0\" | \"$@\"", file).appending(image.ferryImport())
            expect(try await piped.outcome(), stream)
            let after = try await image.state()
            #expect(after == before && after.head == after.snapshots["s1"], "\(stream.name)")
            try await image.expectNoMarker(stream.name)
        }

        private func expect(_ outcome: RunningCommand.Outcome, _ stream: HostileStream) {
            let said = outcome.errors
            #expect(outcome.status == stream.status, "\(stream.name): \(said)")
            #expect(stream.words.isEmpty || said.contains(stream.words), "\(stream.name): \(said)")
            if let record = stream.record, let offset = stream.byteOffset {
                let place = record > 0 ? "record \(record) at byte \(offset)" : "at byte"
                #expect(said.contains(place), "\(stream.name), \(place): \(said)")
            }
        }
    }
}

extension HostileStream {
    /// The same with other bytes.
    func holding(_ bytes: [UInt8]) -> HostileStream {
        HostileStream(name, bytes: bytes, status: status, words: words)
    }

    private init(_ name: String, bytes: [UInt8], status: Int32, words: String) {
        self.name = name
        self.bytes = bytes
        self.status = status
        self.words = words
    }
}

extension SiteImage {
    /// When which file of an image in a folder was written last.
    func fileTimes() async throws -> String? {
        guard case .directory = place else { return nil }
        return try await ShellCommand(["find", spec, "-name", "[a-z]*.*", "-printf", "%p %i %T@\\n"]).run()
    }

    /// Expects that no import has left its note with the image.
    func expectNoMarker(_ comment: String, location: SourceLocation = #_sourceLocation) async throws {
        let metadata =
            switch place {
            case .ceph(let cluster, _, _): try await cluster.rbd("image-meta", "list", spec)
            case .directory: try String(contentsOfFile: "\(spec)/image.json", encoding: .utf8)
            }
        #expect(!metadata.contains("rbd-ferry.import"), "\(comment): \(metadata)", sourceLocation: location)
    }
}
