import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("Where the time of a sync goes", .timeLimit(.minutes(1)))
    struct TimingTests {
        private struct Document: Decodable {
            struct Image: Decodable {
                var durationMs: Int
                var snapshots: [Step]?
                var stages: [String: Double]?
                var bottleneck: Bottleneck?
            }
            struct Step: Decodable {
                var durationMs: Int
                var stages: [String: Double]
                var bottleneck: Bottleneck
            }
            var images: [Image]

            init(_ outcome: RunningCommand.Outcome) throws {
                let decoder = JSONDecoder()
                decoder.keyDecodingStrategy = .convertFromSnakeCase
                #expect(outcome.status == 0, "\(outcome.errors)")
                self = try decoder.decode(Document.self, from: Data(outcome.output.utf8))
            }
        }

        private func expectTable(_ outcome: RunningCommand.Outcome) {
            #expect(outcome.status == 0, "\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.contains { $0.hasPrefix("  STAGE ") && $0.hasSuffix("WHAT") }, "\(outcome.output)")
            for stage in ["read", "compress", "send", "receive", "apply", "flush", "mirror_snapshot", "publish"] {
                #expect(lines.count { $0.hasPrefix("  \(stage) ") } == 1, "\(stage): \(outcome.output)")
            }
            #expect(lines.contains { $0.hasPrefix("  whole ") })
            #expect(lines.last?.hasPrefix("  bottleneck: ") == true)
        }

        private func expectPlausible(_ stages: [String: Double], milliseconds: Int) {
            for name in ["read_seconds", "apply_seconds", "flush_seconds", "mirror_snapshot_seconds"] {
                #expect(stages[name] != nil, "\(name) of \(stages)")
            }
            for (name, seconds) in stages {
                #expect(seconds >= 0 && seconds <= Double(milliseconds + 1) / 1000, "\(name)")
            }
        }

        @Test("sync now --timing prints a table, and --json has the same", arguments: StageKind.pairs)
        func alone(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                try await stage.makeSource(byteCount: 4 << 20)
                let settings = try SenderSettings(port: stage.receiver.port)
                let file = try stage.write("timing.yaml", settings.text(stage.source, stage.certificates))
                let image = stage.prefix + "vm"
                let arguments = ["sync", "now", "--config", file, image]
                expectTable(try await RunningCommand(FerryBinary.path, arguments + ["--timing"]).outcome())
                let plain = try await RunningCommand(FerryBinary.path, arguments).outcome()
                #expect(plain.status == 0 && !plain.output.contains("bottleneck"))
                try await stage.sourceImage().change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                let json = try Document(try await RunningCommand(FerryBinary.path, arguments + ["--json"]).outcome())
                let step = try #require(json.images.first?.snapshots?.first)
                expectPlausible(step.stages, milliseconds: step.durationMs)
                #expect(step.durationMs <= json.images[0].durationMs)
            }
        }

        @Test("an agent tells it through --timing, which waits, and in its status and metrics")
        func agent() async throws {
            try await UsageStage.with(.directories) { stage in
                try await stage.makeSource(byteCount: 1 << 20)
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"\(stage.prefix)*\"}"]))
                let arguments = ["sync", "now", "--config", sender.file]
                expectTable(try await RunningCommand(FerryBinary.path, arguments + ["--timing"]).outcome())
                try await stage.sourceImage().change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                let json = try Document(
                    try await RunningCommand(FerryBinary.path, arguments + ["--wait", "--json"]).outcome())
                let image = try #require(json.images.first)
                expectPlausible(try #require(image.stages), milliseconds: image.durationMs)
                let status = try #require(try await sender.image(stage.prefix + "vm"))
                #expect(status.lastTransfer?.bottleneck == image.bottleneck)
                #expect((status.lastTransfer?.durationSeconds ?? 0) > 0)
                try await expectMetrics(sender, has: "read", butNot: "apply")
                try await expectMetrics(receiver, has: "apply", butNot: "read")
            }
        }

        private func expectMetrics(_ agent: UsageAgent, has own: String, butNot other: String) async throws {
            let lines = try await agent.get("/metrics").body.split(separator: "\n")
                .filter { $0.hasPrefix("rbd_ferry_stage_seconds_total{") }
            #expect(lines.count { $0.contains("stage=\"\(own)\"") } == 1)
            #expect(!lines.contains { $0.contains("stage=\"\(other)\"") }, "each end tells its own")
        }
    }
}
