import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("Seeing how agents are", .serialized, .timeLimit(.minutes(2)))
    struct AgentUsageStatusTests {
        private static let hasPromtool = FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")

        private func ferryStatus(_ agent: UsageAgent, _ more: String...) async throws -> RunningCommand.Outcome {
            try await RunningCommand(FerryBinary.path, ["status", "--config", agent.file] + more).outcome()
        }

        @Test("status, /metrics, /healthz and /api/status tell of both ends")
        func everything() async throws {
            try await UsageStage.with { stage in
                for name in ["vm-1", "db-1"] { try await stage.makeSource(name) }
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\", every: 1h, keep: {last: 3}}"]))
                try await eventually("both images are in sync") {
                    try await sender.status().images.filter { $0.state == .inSync }.count == 2
                }
                for agent in [sender, receiver] {
                    try await checkCommand(agent, stage)
                    try await checkMetrics(agent, stage)
                    try await checkPaths(agent)
                }
                let sent = try #require(try await sender.image(stage.prefix + "vm-1"))
                let received = try #require(try await receiver.image(stage.prefix + "vm-1"))
                #expect(sent.peer == "b" && received.peer == "sender.site-a")
                #expect(sent.lastPublished?.snapshot == received.lastPublished?.snapshot)
                #expect(sent.totals.readBytes == 1 << 20)
                #expect(sent.totals.contentBytes == received.totals.contentBytes)
                let (there, here) = (Double(received.totals.wireBytes), Double(sent.totals.wireBytes))
                #expect(here > 1_048_576 && abs(there - here) < here / 1000, "all but the heads of records")
                #expect(received.totals.publishedSnapshots == 1 && received.totals.succeededRuns == 1)
                #expect(sent.nextRunAt.map { $0 > Date() } == true)
            }
        }

        private func checkCommand(_ agent: UsageAgent, _ stage: UsageStage) async throws {
            let table = try await ferryStatus(agent)
            #expect(table.status == 0 && table.errors.isEmpty, "\(table.errors)")
            #expect(table.output.contains("2 images (2 in sync)") && table.output.contains("IMAGE"))
            #expect(!table.output.contains("\u{1B}"), "a pipe gets no control sequences")
            let one = try await ferryStatus(agent, "--json", "*db-*")
            let status = try JSONDocument.decode(AgentStatus.self, from: one.output.utf8)
            #expect(status.images.map(\.image) == [stage.prefix + "db-1"])
            #expect(try await ferryStatus(agent, "--check").status == 0)
            let none = try await ferryStatus(agent, "web-*")
            #expect(none.status == 2 && none.errors.contains("no image matches 'web-*'"))
        }

        private func checkMetrics(_ agent: UsageAgent, _ stage: UsageStage) async throws {
            let (code, metrics) = try await agent.get("/metrics")
            #expect(code == "200")
            let labels = "{image=\"\(stage.prefix)vm-1\",peer="
            for name in ["image_lag_seconds", "wire_bytes_total", "image_last_published_timestamp_seconds"] {
                #expect(metrics.contains("\nrbd_ferry_\(name)\(labels)"), "\(name) is missing")
            }
            #expect(metrics.contains("\nrbd_ferry_certificate_expiry_timestamp_seconds{file="))
            guard Self.hasPromtool else { return }
            let file = try stage.write("metrics", metrics)
            let check = try await RunningCommand("bash", ["-c", "promtool check metrics < \"$0\"", file]).outcome()
            #expect(check.status == 0, "\(check.output)\(check.errors)")
        }

        private func checkPaths(_ agent: UsageAgent) async throws {
            let health = try await agent.get("/healthz")
            #expect(health.code == "200" && health.body == "ok\n")
            let (code, json) = try await agent.get("/api/status")
            #expect(code == "200")
            #expect(try JSONDocument.decode(AgentStatus.self, from: json.utf8).images.count == 2)
            let refused = try await agent.get("/api/sync", "-d", "{\"images\":[]}")
            #expect(refused.code == "403")
            #expect(refused.body.contains("runs are asked for through the control socket only"))
            #expect(try await agent.get("/etc/passwd").code == "404")
        }

        @Test("an agent that has gone: 75; a receiver asked for runs: 2, with words")
        func refusals() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startReceiver()
                let asked = try await RunningCommand.run(
                    "curl", ["-sS", "--unix-socket", receiver.socketPath, "-d", "{\"images\":[]}", "http://a/api/sync"])
                #expect(asked.contains("this agent is a receiver"))
                receiver.command.signal(SIGTERM)
                #expect(try await receiver.command.outcome().status == 0)
                #expect(!FileManager.default.fileExists(atPath: receiver.socketPath), "it takes its socket away")
                let gone = try await ferryStatus(receiver)
                #expect(gone.status == 75)
                #expect(gone.errors.contains("no agent listens on \(receiver.socketPath)\n  start the agent"))
            }
        }

        @Test("a second agent with the same control socket: 11; a status port in use: 2; both with words")
        func taken() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startReceiver()
                let second = try await start(stage, "second", stage.receiverText("receiver"))
                #expect(second.status == 11)
                #expect(second.errors.contains("another agent serves the control socket \(receiver.socketPath)"))
                #expect(second.errors.contains("stop the other agent, or give this one its own path under control:"))
                let text = stage.receiverText("third").replacingOccurrences(
                    of: "status-listen: 127.0.0.1:0", with: "status-listen: 127.0.0.1:\(receiver.statusPort)")
                let third = try await start(stage, "third", text)
                #expect(third.status == 75)
                #expect(third.errors.contains("can't listen on 127.0.0.1:\(receiver.statusPort): "))
                #expect(third.errors.contains("check the address under status-listen:"))
                #expect(try await receiver.status().problems.isEmpty, "the first one goes on")
                #expect(!FileManager.default.fileExists(atPath: "\(stage.folder)/third.sock"))
            }
        }

        private func start(_ stage: UsageStage, _ name: String, _ text: String) async throws -> RunningCommand.Outcome {
            let file = try stage.write("\(name).yaml", text)
            return try await RunningCommand(FerryBinary.path, ["receiver", "--config", file], secondsMax: 20).outcome()
        }

        @Test("the service manager is told of start, state, progress, reload and end")
        func notifications() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let manager = try await startServiceManager(stage)
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\", every: 1s, keep: {last: 2}}"]),
                    environment: ["NOTIFY_SOCKET=\(stage.folder)/notify", "WATCHDOG_USEC=20000000"])
                try await eventually("it is ready, moves and tells its status") {
                    let told = manager.output
                    return told.contains("READY=1|STATUS=") && told.contains("WATCHDOG=1")
                        && told.contains("\nSTATUS=1 image: 1 ")
                }
                #expect(!manager.output.contains("RELOADING"))
                sender.command.signal(SIGHUP)
                try await eventually("it reloads, and is ready again") {
                    let parts = manager.output.components(separatedBy: "RELOADING=1|MONOTONIC_USEC=")
                    return parts.count == 2 && parts[1].contains("READY=1|STATUS=")
                }
                sender.command.signal(SIGTERM)
                #expect(try await sender.command.outcome().status == 0)
                try await eventually("it said that it ends") { manager.output.contains("STOPPING=1|STATUS=ending") }
                manager.signal(SIGTERM)
                _ = try await manager.outcome()
            }
        }

        /// Prints what comes to a notify socket, a message a line.
        private func startServiceManager(_ stage: UsageStage) async throws -> RunningCommand {
            let script = """
                import socket, sys
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                listener.bind(sys.argv[1])
                print("listening", flush=True)
                while True:
                    print(listener.recv(65536).decode().strip().replace("\\n", "|"), flush=True)
                """
            let manager = try RunningCommand("/usr/bin/python3", ["-c", script, "\(stage.folder)/notify"])
            try await eventually("the notify socket is there") { manager.output.contains("listening") }
            return manager
        }
    }
}
