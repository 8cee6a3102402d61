import Testing

extension EndToEnd {
    @Suite(
        "Streams between rbd-ferry and rbd", .serialized, .timeLimit(.minutes(3)), .enabled(if: Cluster.areThere))
    struct RouteTests {
        @Test("every snapshot and the head arrive on every way", arguments: History.groups)
        func everyWay(group: HistoryGroup) async throws {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for history in group.histories { tasks.addTask { try await expectArrival(history) } }
                try await tasks.waitForAll()
            }
        }

        private func expectArrival(_ history: History) async throws {
            try await StreamStage.with { stage in
                let source = try stage.source()
                try await history.make(source)
                let expected = try await source.state()
                try await source.stockExport(to: stage.stockImage).run()
                for route in Route.allCases where route.isFor(history) {
                    try await expectArrival(stage, history, expected, route)
                }
                try await source.expectReleased()
            }
        }

        private func expectArrival(
            _ stage: StreamStage, _ history: History, _ expected: ImageState, _ route: Route
        ) async throws {
            let target = try stage.target(route.file)
            try await route.run(stage, history, try stage.source(), target)
            for image in [route.folder(stage), target].compactMap(\.self) {
                let state = try await image.state()
                #expect(state == expected, "\(history.name), \(route.rawValue): \(image.spec)")
            }
            #expect(try await target.snapshotNames() == history.snapshots, "\(history.name), \(route.rawValue)")
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

        @Test("one diff in the records of image-v2 arrives too")
        func diffV2() async throws {
            try await StreamStage.with { stage in
                let (source, local) = (try stage.source(), stage.local())
                try await History.shrunkThenGrown.make(source)
                for link in History.shrunkThenGrown.links {
                    let outcome = try await ShellCommand.pipe(
                        source.ferryExport(at: link.to, from: link.from, "--format", "v2"), local.ferryImport())
                    #expect(outcome.isGood, "\(outcome.errors)")
                }
                #expect(try await local.state() == source.state())
            }
        }
    }
}
