import Control
import FerryCore
import Foundation
import Logging
import Reporting
import Testing

extension EndToEnd {
    @Suite("rbd-ferry status", .timeLimit(.minutes(1)))
    struct StatusTests {
        /// An agent of which only the status is asked.
        private struct StillAgent: AgentControl {
            let answer: AgentStatus

            func status() async -> AgentStatus { answer }
            func sync(_ request: SyncRequest, isWaiting: Bool) async throws -> [SyncReply] { [] }
        }

        private static var healthy: AgentStatus {
            let now = Date(timeIntervalSince1970: 1_795_262_400)
            var status = AgentStatus(
                role: .sender, site: "a", version: "1", configuration: "sender.yaml", startedAt: now - 60, now: now)
            status.images = ["vm-1", "vm-2"].map { ImageStatus(image: $0, peer: "b", state: .inSync) }
            return status
        }

        /// Runs `body` with the path of a socket behind which an agent with this status is.
        private func withAgent(_ answer: AgentStatus, _ body: (String) async throws -> Void) async throws {
            let path = FileManager.default.temporaryDirectory.path + "/status-\(UInt32.random(in: 0 ... .max)).sock"
            let server = try await ControlServer.bind(
                StillAgent(answer: answer), address: nil, socketPath: path,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let running = Task { await server.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(path))
            } catch {
                result = .failure(error)
            }
            running.cancel()
            await running.value
            try result.get()
        }

        @Test("prints a table into a pipe, of all images or those that are named")
        func table() async throws {
            try await withAgent(Self.healthy) { path in
                let all = try await ShellCommand.ferry("status", "--control", path).outcome()
                #expect(all.status == 0)
                #expect(all.output == StatusTable.lines(Self.healthy).joined(separator: "\n") + "\n")
                #expect(all.errors.isEmpty)
                let one = try await ShellCommand.ferry("status", "--control", path, "*-2").outcome()
                #expect(one.output.contains("vm-2") && !one.output.contains("vm-1"))
            }
        }

        @Test("--json prints what /api/status gives")
        func json() async throws {
            try await withAgent(Self.healthy) { path in
                let outcome = try await ShellCommand.ferry("status", "--control", path, "--json").outcome()
                let status = try JSONDocument.decode(AgentStatus.self, from: outcome.output.utf8)
                #expect(status == Self.healthy)
            }
        }

        @Test("--check ends with 1 when an image is stopped, and shows it all the same; without it, with 0")
        func check() async throws {
            try await withAgent(Self.healthy) { path in
                let outcome = try await ShellCommand.ferry("status", "--control", path, "--check").outcome()
                #expect(outcome.status == 0)
            }
            var status = Self.healthy
            status.images[1].state = .stopped
            try await withAgent(status) { path in
                let checked = try await ShellCommand.ferry("status", "--control", path, "--check").outcome()
                #expect(checked.status == 1)
                #expect(checked.output.contains("stopped"))
                #expect(try await ShellCommand.ferry("status", "--control", path).outcome().status == 0)
                let other = ShellCommand.ferry("status", "--control", path, "--check", "vm-1")
                #expect(try await other.outcome().status == 0)
            }
        }

        @Test("--watch prints again and again, and a signal ends it quietly with 0")
        func watch() async throws {
            try await withAgent(Self.healthy) { path in
                let command = try ShellCommand.ferry("status", "--control", path, "--watch").start()
                try await eventually("two tables") { command.output.components(separatedBy: "IMAGE").count == 3 }
                command.signal(SIGINT)
                let outcome = try await command.outcome()
                #expect(outcome.status == 0)
                #expect(outcome.errors.isEmpty)
                #expect(!outcome.output.contains("\u{1B}"))
            }
        }

        @Test("no agent there: 75; no such image: 2; --check with --watch: 2")
        func refusals() async throws {
            let none = try await ShellCommand.ferry("status", "--control", "/nonexistent/agent.sock").outcome()
            #expect(none.status == 75)
            #expect(none.errors.contains("no agent listens on /nonexistent/agent.sock\n  start the agent"))
            try await withAgent(Self.healthy) { path in
                let name = try await ShellCommand.ferry("status", "--control", path, "vm-1", "vm-x").outcome()
                #expect(name.status == 2)
                #expect(name.errors.contains("no image matches 'vm-x'"))
                #expect(name.output.isEmpty)
                let both = ShellCommand.ferry("status", "--control", path, "--check", "--watch")
                #expect(try await both.outcome().status == 2)
            }
        }
    }
}
