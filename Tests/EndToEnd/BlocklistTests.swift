import Foundation
import Planning
import Testing

extension EndToEnd {
    @Suite(
        "Agents that a cluster has cut off", .serialized, .enabled(if: Cluster.areThere), .timeLimit(.minutes(4)))
    struct BlocklistTests {
        @Test("connect again by themselves, in the pauses and in the middle of a transfer")
        func comeBack() async throws {
            try await Stage.with(.clusters) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                let image = try await stage.makeSource(byteCount: 24 << 20)
                let proxy = try Proxy(to: stage.receiver.port, after: 8 << 20, .hold)
                defer { proxy.close() }
                let sender = try await stage.startSender(
                    SenderAgentSettings(rule: "every: 1s, keep: {last: 20}", port: proxy.port))
                try await proxy.reached()
                try await cutOff()
                proxy.release()
                try await expectCaughtUp(sender, on: stage)

                try await cutOff()
                try await image.change(.write(seed: 2, offset: 0, byteCount: 8 << 20))
                try await expectCaughtUp(sender, on: stage)
                #expect(try stage.receiver.command.isRunning)
                #expect(try await sender.stop().status == 0)
                _ = try await stage.syncUntilDone()
                try await stage.expectEqual(snapshotCount: stage.mirrorImage().snapshotNames().count)
                #expect(try await stage.leftBehind() == [])
            }
        }

        private func cutOff() async throws {
            for cluster in [Cluster.first, Cluster.second].compactMap(\.self) {
                #expect(try await cluster.cutOffClients() > 0)
            }
        }

        private func expectCaughtUp(_ sender: Sender, on stage: Stage) async throws {
            let began = Date()
            try await eventually("the agent catches up:\n\(sender.command.errors)", within: .seconds(90)) {
                guard let status = try await sender.image(stage.prefix + "vm"), status.lastError == nil else {
                    return false
                }
                let newest = try await stage.mirrorImage().snapshotNames().last.flatMap(SnapshotName.ownTime)
                return newest.map { $0 > began } ?? false
            }
        }
    }
}
