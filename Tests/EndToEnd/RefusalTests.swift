import Testing

extension EndToEnd {
    @Suite("A refusal changes nothing that is published", .serialized, .timeLimit(.minutes(3)))
    struct RefusalTests {
        private static let byteCount = 12 << 20

        @Test("a mirror that someone wrote to", arguments: StageKind.pairs)
        func writtenMirror(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                #expect(try await stage.sync().status == 0)
                try await stage.mirrorImage().change(.write(seed: 9, offset: 5 << 20, byteCount: 5000))
                try await image.change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                let head = try await stage.mirrorImage().digest(at: nil)
                try await expectRefusal(stage, status: 5, saying: "someone wrote to the mirror")
                #expect(try await stage.mirrorImage().digest(at: nil) == head, "what was written is kept")
            }
        }

        @Test("but not a mirror that was rolled back after someone wrote to it", .enabled(if: Cluster.areThere))
        func rolledBackMirror() async throws {
            let cluster = try #require(Cluster.second)
            try await Stage.with(.clusters) { stage in
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                let base = try #require(try await stage.sync().steps.first?.snapshot)
                let mirror = stage.mirrorImage()
                try await mirror.change(
                    .write(seed: 9, offset: 5 << 20, byteCount: 5000), .zero(offset: 1 << 20, byteCount: 1 << 20))
                try await image.change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                try await expectRefusal(stage, status: 5, saying: "someone wrote to the mirror")
                try await cluster.rbd("snap", "rollback", "--no-progress", "\(mirror.spec)@\(base)")
                #expect(try await stage.sync().status == 0)
                try await stage.expectEqual(snapshotCount: 2)
            }
        }

        @Test("a base that was deleted and made anew under its name", .enabled(if: Cluster.areThere))
        func recreatedBase() async throws {
            let cluster = try #require(Cluster.first)
            try await Stage.with(.clusters) { stage in
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                let base = try #require(try await stage.sync().steps.first?.snapshot)
                try await cluster.rbd("snap", "rm", "--no-progress", "\(image.spec)@\(base)")
                try await image.change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@\(base)")
                try await image.change(.scatter(seed: 3, count: 3, byteCountMax: 5000))
                try await expectRefusal(stage, status: 5, saying: "no snapshot is on both ends")
            }
        }

        @Test("an older base is used when the newest was made anew", .enabled(if: Cluster.areThere))
        func olderBase() async throws {
            let cluster = try #require(Cluster.first)
            try await Stage.with(.clusters) { stage in
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                let older = try #require(try await stage.sync().steps.first?.snapshot)
                // Born in the snapshot that is deleted, and gone afterwards: only a roll back gets it off the mirror.
                try await image.change(.write(seed: 2, offset: 0, byteCount: 1 << 20))
                let newest = try #require(try await stage.sync().steps.first?.snapshot)
                try await cluster.rbd("snap", "rm", "--no-progress", "\(image.spec)@\(newest)")
                try await image.change(.write(seed: 1, offset: 0, byteCount: 1 << 20))
                try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@\(newest)")
                try await image.change(.scatter(seed: 3, count: 3, byteCountMax: 5000))
                let step = try #require(try await stage.sync().steps.first)
                #expect(step.base == older)
                let here = try await image.digest(at: step.snapshot)
                #expect(try await stage.mirrorImage().digest(at: step.snapshot) == here)
            }
        }

        @Test("an image of the mirror's name that is not a mirror", arguments: StageKind.pairs)
        func foreignImage(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                try await stage.makeSource(byteCount: Self.byteCount)
                try await stage.mirrorImage().create(byteCount: Self.byteCount)
                try await stage.mirrorImage().change(.write(seed: 3, offset: 4096, byteCount: 4096))
                let head = try await stage.mirrorImage().digest(at: nil)
                try await expectRefusal(stage, status: 5, saying: "was not made by rbd-ferry")
                #expect(try await stage.mirrorImage().digest(at: nil) == head)
            }
        }

        @Test("an image that the client may not write")
        func forbiddenImage() async throws {
            try await Stage.with(.directories) { stage in
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                #expect(try await stage.sync().status == 0)
                try await stage.startReceiver(images: "other-*")
                try await image.change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                try await expectRefusal(stage, status: 12, saying: "does not let sender.site-a write")
            }
        }

        @Test("one of two images: the other is published", arguments: StageKind.pairs)
        func oneOfTwo(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                for name in ["vm-good", "vm-bad"] { try await stage.makeSource(name, byteCount: Self.byteCount) }
                try await stage.startReceiver(images: "*-good")
                let outcome = try await stage.sync("\(stage.prefix)vm-*", "--parallel", "1")
                #expect(outcome.status == 3)
                #expect(outcome.images.map(\.result) == ["unauthorized", "published"])
                try await stage.expectEqual("vm-good", snapshotCount: 1)
                #expect(try await stage.mirrorImage("vm-bad").snapshotNames() == [])
                #expect(try await stage.sourceImage("vm-bad").snapshotNames() == [], "the useless snapshot is gone")
            }
        }

        /// Syncs; expects the status, the words in the JSON's error, and that no snapshot came, went or changed on
        /// either side.
        private func expectRefusal(
            _ stage: Stage, status: Int32, saying words: String, location: SourceLocation = #_sourceLocation
        ) async throws {
            let before = try await stage.mirrorImage().digests()
            let sourceBefore = try await stage.sourceImage().snapshotNames()
            let outcome = try await stage.sync()
            #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: location)
            let error = outcome.images.first?.error ?? ""
            #expect(error.contains(words), "\(error)", sourceLocation: location)
            #expect(try await stage.mirrorImage().digests() == before, sourceLocation: location)
            #expect(try await stage.sourceImage().snapshotNames() == sourceBefore, sourceLocation: location)
        }
    }
}
