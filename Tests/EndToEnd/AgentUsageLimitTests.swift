import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("An agent keeps its limits", .serialized, .timeLimit(.minutes(2)))
    struct AgentUsageLimitTests {
        @Test("to 5 % over ten seconds, as status tells; SIGHUP changes them in the middle of a transfer")
        func keepsLimits() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource(byteCount: 96 << 20)
                let receiver = try await stage.startReceiver()
                let proxy = try Proxy(to: receiver.port, after: .max, .none)
                defer { proxy.close() }
                func text(_ limit: String) -> String {
                    stage.senderText(to: [proxy.port], rules: ["{match: \"*\"}"], more: limit)
                }
                let sender = try await stage.startSender(text("limit: 1MiB"))
                let sync = try sender.startSync("--wait")
                try await eventually("the transfer is under way") { proxy.sentByteCount > 1 << 20 }

                let slow = try await rate(proxy, seconds: 10)
                #expect(abs(slow / Double(1 << 20) - 1) < 0.05, "\(slow)")
                let limits = try #require(try await sender.status().limits)
                #expect(limits.total.limitBytesPerSecond == 1 << 20 && limits.peers[0].limitBytesPerSecond == nil)
                #expect(abs(limits.total.bytesPerSecond / Double(1 << 20) - 1) < 0.05, "\(limits.total)")

                try stage.write("sender.yaml", text("limit:\n  - {rate: 4MiB, days: Mon..Sat}\n  - {rate: 4096KiB}"))
                sender.command.signal(SIGHUP)
                try await eventually("the new limit is in force") {
                    try await sender.status().limits?.total.limitBytesPerSecond == 4 << 20
                }
                #expect(!sender.command.errors.contains("a restart is needed"))
                let fast = try await rate(proxy, seconds: 10)
                #expect(abs(fast / Double(4 << 20) - 1) < 0.05, "\(fast)")
                let metrics = try await sender.get("/metrics").body
                #expect(metrics.contains("rbd_ferry_total_limit_bytes_per_second 4194304\n"))
                #expect(!metrics.contains("rbd_ferry_peer_limit_bytes_per_second"))

                try stage.write("sender.yaml", text("limit: none"))
                sender.command.signal(SIGHUP)
                #expect(try await sync.outcome().status == 0)
                try await stage.expectMirrored()
            }
        }

        /// Bytes per second that the sender sends, TLS included, over so many seconds.
        private func rate(_ proxy: Proxy, seconds: Int) async throws -> Double {
            let (count, began) = (proxy.sentByteCount, ContinuousClock.now)
            try await Task.sleep(for: .seconds(seconds))
            return Double(proxy.sentByteCount - count) / ((ContinuousClock.now - began) / .seconds(1))
        }

        @Test("`sync now --limit` holds for a run without an agent, and where one runs says that the agent's count")
        func commandLine() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource(byteCount: 4 << 20)
                let receiver = try await stage.startReceiver()
                let file = try stage.write(
                    "alone.yaml", stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"], more: "limit: 64KiB")
                )
                let began = ContinuousClock.now
                let alone = try await RunningCommand(
                    FerryBinary.path, ["sync", "now", "--config", file, "--limit", "2MiB/s"]
                ).outcome()
                #expect(alone.status == 0, "\(alone.errors)")
                #expect(ContinuousClock.now - began > .seconds(1.9) && ContinuousClock.now - began < .seconds(30))
                try await stage.expectMirrored()

                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"]))
                let refused = try await sender.sync("--limit", "2MiB")
                #expect(refused.status == 2 && refused.errors.contains("--no-agent"), "\(refused.errors)")
                #expect(try await sender.sync("--limit", "fast").status != 0)
                #expect(try await sender.sync("--read-limit", "100MiB", "--no-agent").status == 0)
            }
        }
    }
}
