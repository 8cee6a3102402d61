import Glibc
import Testing

extension EndToEnd {
    @Suite("While a transfer runs", .serialized, .timeLimit(.minutes(2)))
    struct InTransferTests {
        private static let byteCount = 24 << 20

        /// Lends a sync that is held in the middle of its transfer.
        private func withHeldSync(
            _ kind: StageKind, _ body: (Stage, RunningCommand, Proxy) async throws -> Void
        ) async throws {
            try await Stage.with(kind) { stage in
                try await stage.makeSource(byteCount: Self.byteCount)
                let proxy = try Proxy(to: stage.receiver.port, after: 12 << 20, .hold)
                defer {
                    proxy.release()
                    proxy.close()
                }
                let sender = try stage.startSync(settings: SenderSettings(port: proxy.port))
                try await proxy.reached()
                try await body(stage, sender, proxy)
            }
        }

        @Test("its target can't be deleted, and can afterwards", .enabled(if: Cluster.areThere))
        func targetIsPinned() async throws {
            let cluster = try #require(Cluster.first)
            try await withHeldSync(.clusters) { stage, sender, proxy in
                let image = stage.sourceImage()
                let target = try #require(try await image.snapshotNames().first)
                await #expect(throws: RunningCommand.Failure.self) {
                    try await cluster.rbd("snap", "rm", "--no-progress", "\(image.spec)@\(target)")
                }
                proxy.release()
                #expect(try await sender.outcome().status == 0)
                try await stage.expectEqual(snapshotCount: 1)
                try await cluster.rbd("snap", "rm", "--no-progress", "\(image.spec)@\(target)")
            }
        }

        @Test("another sync of the same image ends with 11 and does it no harm", arguments: StageKind.pairs)
        func secondSync(kind: StageKind) async throws {
            try await withHeldSync(kind) { stage, sender, proxy in
                let second = try await stage.sync()
                #expect(second.status == 11, "\(second.errors)")
                #expect(second.images.map(\.result) == ["locked"])
                proxy.release()
                #expect(try await sender.outcome().status == 0)
                try await stage.expectEqual(snapshotCount: 1)
            }
        }

        @Test(
            "a signal ends the sender with its code, and the next sync goes on", arguments: StageKind.pairs,
            [SIGTERM, SIGINT])
        func senderSignal(kind: StageKind, signal: Int32) async throws {
            try await withHeldSync(kind) { stage, sender, proxy in
                let began = ContinuousClock.now
                sender.signal(signal)
                let outcome = try SyncOutcome(try await sender.outcome())
                #expect(outcome.status == 128 + signal)
                #expect(ContinuousClock.now - began < .seconds(5))
                #expect(outcome.images.map(\.result) == ["interrupted"], "\(outcome.images.first?.error ?? "")")
                proxy.release()
                let next = try await stage.syncUntilDone()
                #expect((next.steps.first?.savedByResumeBytes ?? 0) > 0)
                try await stage.expectEqual(snapshotCount: 1)
            }
        }

        @Test("a signal ends the receiver well, with a checkpoint", arguments: StageKind.pairs)
        func receiverSignal(kind: StageKind) async throws {
            try await withHeldSync(kind) { stage, sender, proxy in
                let began = ContinuousClock.now
                let receiver = try stage.receiver.command
                receiver.signal(SIGTERM)
                #expect(try await receiver.outcome().status == 0)
                #expect(ContinuousClock.now - began < .seconds(5))
                proxy.release()
                #expect(try await sender.outcome().status == 75)
                try await stage.startReceiver()
                let next = try await stage.syncUntilDone()
                // What had come through whole is durable: all but the cut block, and what was on its way.
                let saved = next.steps.first?.savedByResumeBytes ?? 0
                #expect(saved > 8 << 20, "saved \(saved)")
                try await stage.expectEqual(snapshotCount: 1)
            }
        }
    }
}
