import Foundation
import Testing

extension EndToEnd {
    @Suite("An import that is refused changes nothing", .serialized, .timeLimit(.minutes(2)))
    struct ImportRefusalTests {
        private static let byteCount: UInt64 = 6 << 20
        private static let full = StreamBytes.v1.to("s1").size(byteCount).write(0, 900_000).end()
        private static let increment = StreamBytes.v1.from("s1").to("s2").size(byteCount)
            .write(5000, 70_000, seed: 2).end()

        @Test(
            "onto a head that was written to since the snapshot: 5, and says where", arguments: StreamTarget.available)
        func changedHead(target: StreamTarget) async throws {
            try await withBase(target) { stage, image, file in
                try await image.change(.write(seed: 9, offset: 499_712, byteCount: 4096))
                try await expectRefusal(
                    image, file, status: 5, "was written to since snapshot", "4096 bytes at 499712")
            }
        }

        @Test("onto a head that was resized since the snapshot: 5", arguments: StreamTarget.available, [7, 5])
        func resizedHead(target: StreamTarget, mebibytes: Int) async throws {
            try await withBase(target) { stage, image, file in
                try await image.change(.resize(byteCount: mebibytes << 20))
                try await expectRefusal(image, file, status: 5, "since snapshot s1")
            }
        }

        @Test("a head that was rolled back equals its snapshot again", .enabled(if: Cluster.areThere))
        func rolledBack() async throws {
            try await withBase(.cluster) { stage, image, file in
                try await image.change(.write(seed: 9, offset: 500_000, byteCount: 5000))
                try await expectRefusal(image, file, status: 5, "rbd snap rollback")
                try await image.stock("snap", "rollback", "--no-progress", "\(image.spec)@s1").run()
                let outcome = try await image.ferryImport(file).outcome()
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
        }

        @Test("onto an older snapshot than the head's: 5", arguments: StreamTarget.available)
        func olderBase(target: StreamTarget) async throws {
            try await withBase(target) { stage, image, file in
                try await image.ferryImport(file).run()
                let other = StreamBytes.v1.from("s1").to("s3").size(Self.byteCount).write(0, 512, seed: 3).end()
                let path = try stage.write("other", other.bytes)
                try await expectRefusal(image, path, status: 5, "was written to since snapshot")
                try await expectRefusal(image, file, status: 5, "already has a snapshot")
            }
        }

        @Test("of a full diff onto an image with data: 5; onto an empty one it goes", arguments: StreamTarget.available)
        func full(target: StreamTarget) async throws {
            try await StreamStage.with { stage in
                let (image, empty) = (try target.image(stage), try target.image(stage, "empty"))
                let file = try stage.write("full", Self.full.bytes)
                try await image.create(byteCount: 6 << 20)
                try await image.change(.write(seed: 1, offset: 4 << 20, byteCount: 512))
                try await expectRefusal(image, file, status: 5, "is not empty")
                try await empty.create(byteCount: 3 << 20)
                try await empty.ferryImport(file).run()
                #expect(try await empty.snapshotNames() == ["s1"])
            }
        }

        @Test("onto the mirror of a sync: 5", .enabled(if: Cluster.areThere))
        func mirror() async throws {
            try await withBase(.cluster) { stage, image, file in
                try await image.change(.metadata(key: "rbd-ferry.mirror", value: "{}"))
                try await expectRefusal(image, file, status: 5, "is a mirror")
            }
        }

        @Test("onto an image that another client has locked: 11", .enabled(if: Cluster.areThere))
        func locked() async throws {
            try await withBase(.cluster) { stage, image, file in
                let holder = try image.startChange(.hold)
                try await eventually("the lock is held") { holder.output.contains("held") }
                let before = try await image.state()
                for word in [file, "-"] {
                    let outcome = try await ShellCommand.bash("cat \"$0\" | \"$@\"", file).appending(
                        image.ferryImport(word)
                    ).outcome()
                    #expect(outcome.status == 11, "\(outcome.errors)")
                }
                #expect(try await image.state() == before)
                holder.signal(SIGTERM)
                _ = try await holder.outcome()
                try await image.ferryImport(file).run()
                #expect(try await image.snapshotNames() == ["s1", "s2"])
            }
        }

        @Test(
            "two imports at once onto one image: one is done, the other says 11 or 5", arguments: StreamTarget.available
        )
        func twoAtOnce(target: StreamTarget) async throws {
            try await withBase(target) { stage, image, file in
                let commands = try (0..<2).map { _ in try image.ferryImport(file).start() }
                var statuses: [Int32] = []
                for command in commands { statuses.append(try await command.outcome().status) }
                #expect(statuses.filter { $0 == 0 }.count == 1, "\(statuses)")
                #expect(statuses.allSatisfy { [0, 5, 11].contains($0) }, "\(statuses)")
                let state = try await image.state()
                #expect(state.snapshots.count == 2 && state.head == state.snapshots["s2"])
                try await image.expectNoMarker("both")
            }
        }

        /// Lends an image with the snapshot `s1`, and the path of a diff from it to `s2`.
        private func withBase(
            _ target: StreamTarget, _ body: (StreamStage, SiteImage, String) async throws -> Void
        ) async throws {
            try await StreamStage.with { stage in
                let image = try target.image(stage)
                try await image.ferryImport(try stage.write("full", Self.full.bytes)).run()
                try await body(stage, image, try stage.write("increment", Self.increment.bytes))
            }
        }

        private func expectRefusal(
            _ image: SiteImage, _ file: String, status: Int32, _ words: String...,
            location: SourceLocation = #_sourceLocation
        ) async throws {
            let before = try await image.state()
            let outcome = try await image.ferryImport(file).outcome()
            #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: location)
            for word in words {
                #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: location)
            }
            #expect(outcome.errors.split(separator: "\n").count >= 2, "a remedy, too", sourceLocation: location)
            #expect(try await image.state() == before, sourceLocation: location)
            try await image.expectNoMarker("refused", location: location)
        }
    }
}
