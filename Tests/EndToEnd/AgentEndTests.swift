import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("A sending agent that ends in the middle of a transfer", .serialized, .timeLimit(.minutes(3)))
    struct AgentEndTests {
        private static let byteCount = 96 << 20
        private static let middle = 40 << 20

        /// Runs `body` when the first run of a sending agent is held in the middle of its transfer.
        private func withHeldRun(
            _ kind: StageKind, stopWithin: String,
            _ body: (Stage, Sender, Proxy, SenderAgentSettings) async throws -> Void
        ) async throws {
            try await Stage.with(kind) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                try await stage.makeSource(byteCount: Self.byteCount)
                let proxy = try Proxy(to: stage.receiver.port, after: Self.middle, .hold)
                defer { proxy.close() }
                let settings = SenderAgentSettings(
                    rule: "every: 1d, keep: {last: 4}", stopWithin: stopWithin, port: proxy.port)
                let sender = try await stage.startSender(settings)
                try await proxy.reached()
                try await body(stage, sender, proxy, settings)
            }
        }

        private func expectResumed(_ sender: Sender, on stage: Stage) async throws {
            var image: ImageStatus?
            // A killed agent's lease has to run out first.
            try await eventually("it goes on: \(sender.command.errors)", within: .seconds(75)) {
                image = try await sender.image(stage.prefix + "vm")
                return image?.state == .inSync
            }
            #expect((image?.totals.savedByResumeBytes ?? 0) > 0)
            #expect(image?.totals.publishedSnapshots == 1)
            #expect(try await sender.stop().status == 0)
            try await stage.expectEqual(snapshotCount: 1)
        }

        @Test("killed, goes on when it is started again, though its schedule is daily", arguments: StageKind.pairs)
        func killed(kind: StageKind) async throws {
            try await withHeldRun(kind, stopWithin: "20s") { stage, sender, proxy, settings in
                await sender.command.killNow()
                proxy.release()
                try await expectResumed(try await stage.startSender(settings), on: stage)
            }
        }

        @Test("told to stop, checkpoints when its time is over, and goes on later", arguments: StageKind.pairs)
        func stoppedSoon(kind: StageKind) async throws {
            try await withHeldRun(kind, stopWithin: "1s") { stage, sender, proxy, settings in
                let began = ContinuousClock.now
                #expect(try await sender.stop().status == 0, "\(sender.command.errors)")
                #expect(ContinuousClock.now - began < .seconds(6))
                proxy.release()
                let restarted = ContinuousClock.now
                try await expectResumed(try await stage.startSender(settings), on: stage)
                // It gave its lease back.
                #expect(ContinuousClock.now - restarted < .seconds(15))
            }
        }

        @Test("told to stop, finishes it when there is time, and begins no other", arguments: StageKind.pairs)
        func stoppedLate(kind: StageKind) async throws {
            try await withHeldRun(kind, stopWithin: "60s") { stage, sender, proxy, _ in
                sender.command.signal(SIGTERM)
                // What it does then is not to be seen from outside: it goes on.
                try await Task.sleep(for: .seconds(1))
                #expect(sender.command.isRunning)
                proxy.release()
                #expect(try await sender.command.outcome().status == 0, "\(sender.command.errors)")
                try await stage.expectEqual(snapshotCount: 1)
            }
        }
    }
}
