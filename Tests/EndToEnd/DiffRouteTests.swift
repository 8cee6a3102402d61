import Testing

extension EndToEnd {
    @Suite(
        "Diffs between rbd-ferry and rbd", .serialized, .timeLimit(.minutes(3)), .enabled(if: Cluster.areThere))
    struct DiffRouteTests {
        @Test("rbd import-diff reads what we export, full and incremental", arguments: History.all)
        func exported(history: History) async throws {
            try await route(history) { stage, source in
                let target = try stage.target()
                try await target.create(byteCount: 0)
                for link in history.links {
                    let outcome = try await ShellCommand.pipe(
                        source.ferryExport(at: link.to, from: link.from, "-q"), target.stockImportDiff())
                    #expect(outcome.isGood, "\(link): \(outcome.errors)")
                }
                return target
            }
        }

        @Test("we import what rbd export-diff writes, full and incremental", arguments: History.all)
        func imported(history: History) async throws {
            try await route(history) { stage, source in
                let target = try stage.target()
                for link in history.links {
                    let file = stage.file("\(link.to ?? "head").diff")
                    try await source.stockExportDiff(at: link.to, from: link.from, to: file).run()
                    try await target.ferryImport(file).run()
                }
                return target
            }
        }

        @Test("we import what we export, from a cluster to a folder and on to another cluster", arguments: History.all)
        func ours(history: History) async throws {
            try await route(history) { stage, source in
                let (local, target) = (stage.local(), try stage.target())
                for link in history.links {
                    let first = try await ShellCommand.pipe(
                        source.ferryExport(at: link.to, from: link.from, "--diff", "exact"), local.ferryImport())
                    #expect(first.isGood, "\(link): \(first.errors)")
                    let second = try await ShellCommand.pipe(
                        local.ferryExport(at: link.to, from: link.from, "--zstd"), target.ferryImport())
                    #expect(second.isGood, "\(link): \(second.errors)")
                }
                #expect(try await local.state() == source.state())
                return target
            }
        }

        @Test(
            "rbd export-diff into a folder, and from there into rbd import-diff",
            arguments: [History.shrunkThenGrown, .discards, .noBytes, .sparse])
        func folder(history: History) async throws {
            try await route(history) { stage, source in
                let (local, target) = (stage.local(), try stage.target())
                try await target.create(byteCount: 0)
                for link in history.links {
                    let outcome = try await ShellCommand.pipe(
                        source.stockExportDiff(at: link.to, from: link.from), local.ferryImport())
                    #expect(outcome.isGood, "\(link): \(outcome.errors)")
                    let file = stage.file("\(link.to ?? "head").diff")
                    try await local.ferryExport(at: link.to, from: link.from, "-o", file).run()
                    try await target.stockImportDiff(file).run()
                }
                return target
            }
        }

        /// Makes an image with this history, lends it to `body`, and expects that the image it returns equals it.
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
}
