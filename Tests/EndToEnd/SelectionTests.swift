import Testing

extension EndToEnd {
    @Suite("Several images, and snapshots by name", .serialized, .timeLimit(.minutes(2)))
    struct SelectionTests {
        @Test("images by pattern, four at a time", arguments: StageKind.pairs)
        func pattern(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let names = (1...6).map { "vm-\($0)" }
                for name in names { try await stage.makeSource(name, byteCount: 6 << 20) }
                try await stage.makeSource("other", byteCount: 4096)
                for round in 1...2 {
                    let outcome = try await stage.sync("\(stage.prefix)vm-*", "--parallel", "4")
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    #expect(outcome.images.map(\.image) == names.map { stage.prefix + $0 })
                    for name in names {
                        try await stage.expectEqual(name, snapshotCount: round)
                        try await stage.sourceImage(name).change(.scatter(seed: 2, count: 5, byteCountMax: 50_000))
                    }
                }
                #expect(try await stage.mirrorImage("other").snapshotNames() == [])
            }
        }

        @Test("a named snapshot is sent as it is, and found there the next time", .enabled(if: Cluster.areThere))
        func named() async throws {
            let cluster = try #require(Cluster.first)
            try await Stage.with(.clusters) { stage in
                let image = try await stage.makeSource(byteCount: 6 << 20)
                try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@daily")
                try await image.change(.scatter(seed: 2, count: 5, byteCountMax: 50_000))
                let arguments = [stage.prefix + "vm", "--snapshot", "daily"]
                for isThere in [false, true] {
                    let outcome = try SyncOutcome(try await stage.startSync(arguments).outcome())
                    #expect(outcome.status == 0)
                    #expect(outcome.steps.map(\.wasPublished) == [isThere])
                }
                #expect(try await image.snapshotNames() == ["daily"])
                try await stage.expectEqual(snapshotCount: 1)
            }
        }

        @Test("a sync without changes takes no data and little time", arguments: StageKind.available)
        func unchanged(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                try await stage.makeSource(byteCount: 24 << 20)
                #expect(try await stage.sync().status == 0)
                let began = ContinuousClock.now
                let outcome = try await stage.sync()
                // Most of it are the two snapshots.
                #expect(ContinuousClock.now - began < .seconds(5))
                #expect(outcome.status == 0)
                #expect(outcome.steps.map(\.dataRecords) == [0] && outcome.steps.map(\.readBytes) == [0])
                #expect(outcome.steps.allSatisfy { $0.contentBytes < 1000 })
                try await stage.expectEqual(snapshotCount: 2)
            }
        }
    }
}
