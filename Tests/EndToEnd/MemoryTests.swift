import Testing

extension EndToEnd {
    @Suite("Memory", .serialized, .timeLimit(.minutes(4)))
    struct MemoryTests {
        private static let mebibyte = 1 << 20

        @Test(
            "each agent stays under 128 MiB while 1 GiB of a 4 GiB image moves",
            .enabled(if: FerryBinary.isRelease, "a debug build is no measure"), arguments: StageKind.pairs)
        func gibibyte(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let image = stage.sourceImage()
                try await image.create(byteCount: 4096 * Self.mebibyte)
                for part in 0..<4 {
                    try await image.change(
                        .write(seed: part, offset: part * 1024 * Self.mebibyte, byteCount: 256 * Self.mebibyte))
                }
                let receiver = PeakMemory(of: try stage.receiver.command)
                let command = try stage.startSync()
                let sender = PeakMemory(of: command)
                let outcome = try SyncOutcome(try await command.outcome())
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect((outcome.steps.first?.contentBytes ?? 0) >= 1024 * Self.mebibyte)
                let peaks = [sender, receiver].map { $0.byteCount / Self.mebibyte }
                print("\(kind.rawValue): peak memory of sender and receiver in MiB: \(peaks)")
                #expect(peaks.allSatisfy { (1..<128).contains($0) }, "MiB of sender and receiver: \(peaks)")
                try await stage.expectEqual(snapshotCount: 1)
            }
        }

        @Test(
            "each agent stays under 128 MiB while 1 GiB is proven, and compared for want of a common snapshot",
            .enabled(if: FerryBinary.isRelease, "a debug build is no measure"))
        func comparison() async throws {
            let cluster = try #require(Cluster.first)
            try await Stage.with(.clusters) { stage in
                let image = stage.sourceImage()
                try await image.create(byteCount: 1024 * Self.mebibyte)
                for part in 0..<4 {
                    try await image.change(
                        .write(seed: part, offset: part * 256 * Self.mebibyte, byteCount: 256 * Self.mebibyte))
                }
                #expect(try await stage.sync().status == 0)
                try await expectSmall(try stage.startVerify(), stage)
                try await cluster.rbd("snap", "purge", "--no-progress", image.spec)
                try await image.change(.scatter(seed: 9, count: 1000, byteCountMax: 65_536))
                try await expectSmall(try stage.startSync(["\(stage.prefix)vm", "--reconcile"]), stage)
            }
        }

        private func expectSmall(_ command: RunningCommand, _ stage: Stage) async throws {
            let (sender, receiver) = (PeakMemory(of: command), PeakMemory(of: try stage.receiver.command))
            let outcome = try await command.outcome()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let peaks = [sender, receiver].map { $0.byteCount / Self.mebibyte }
            print("comparing: peak memory of sender and receiver in MiB: \(peaks)")
            #expect(peaks.allSatisfy { (1..<128).contains($0) }, "MiB of sender and receiver: \(peaks)")
        }
    }
}
