import Foundation
import Testing

extension EndToEnd {
    @Suite("sync now with an agent", .serialized, .timeLimit(.minutes(2)))
    struct AgentUsageSyncTests {
        /// A stage with an image and two agents without a schedule.
        private func withAgents(
            _ kind: StageKind = .directories, byteCount: Int = 1 << 20,
            _ body: (UsageStage, _ sender: UsageAgent, _ receiver: UsageAgent) async throws -> Void
        ) async throws {
            try await UsageStage.with(kind) { stage in
                try await stage.makeSource(byteCount: byteCount)
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"\(stage.prefix)*\"}"]))
                try await body(stage, sender, receiver)
            }
        }

        @Test("returns at once without --wait, and the agent does it")
        func request() async throws {
            try await withAgents { stage, sender, receiver in
                receiver.command.signal(SIGSTOP)
                let outcome = try await sender.sync(stage.prefix + "vm")
                receiver.command.signal(SIGCONT)
                #expect(outcome.status == 0)
                #expect(outcome.images.map(\.result) == ["requested"])
                #expect(outcome.images.first?.wasJoined == false)
                try await eventually("the agent has done it") {
                    try await sender.image(stage.prefix + "vm")?.state == .inSync
                }
                try await stage.expectCurrent()
            }
        }

        @Test("waits with --wait: then what was written before is on the mirror", arguments: StageKind.pairs)
        func wait(kind: StageKind) async throws {
            try await withAgents(kind) { stage, sender, _ in
                for seed in 1...3 {
                    try await stage.sourceImage().change(.scatter(seed: seed, count: 2, byteCountMax: 5000))
                    let outcome = try await sender.sync("--wait")
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    #expect(outcome.images.map(\.result) == ["published"])
                    let newest = try await stage.mirrorImage().snapshotNames().last
                    #expect(outcome.images.first?.snapshot == newest)
                    try await stage.expectCurrent()
                }
            }
        }

        @Test("--timeout ends with 124, the agent's run goes on, and another call joins it")
        func timeout() async throws {
            try await withAgents(byteCount: 4 << 20) { stage, sender, receiver in
                receiver.command.signal(SIGSTOP)
                let late = try await sender.sync("--wait", "--timeout", "1")
                #expect(late.status == 124)
                #expect(late.errors.contains("no answer through"))
                #expect(late.errors.contains("may still be under way"))
                #expect(try await sender.image(stage.prefix + "vm")?.state == .syncing)
                let joining = try sender.startSync("--wait")
                let asked = try await sender.sync()
                #expect(asked.images.map(\.wasJoined) == [true])
                #expect(joining.isRunning)
                receiver.command.signal(SIGCONT)
                let joined = try UsageSync(try await joining.outcome())
                #expect(joined.status == 0, "\(joined.errors)")
                #expect(joined.images.map(\.wasJoined) == [true])
                #expect(joined.images.map(\.result) == ["published"])
                try await stage.expectCurrent()
                #expect(try await stage.mirrorImage().snapshotNames().count == 1, "there was one run")
            }
        }

        @Test("an image that no rule sends: 1, with words")
        func unknown() async throws {
            try await withAgents { stage, sender, _ in
                let outcome = try await sender.sync("--wait", "nothing-like-it")
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("no image that the agent's rules name matches nothing-like-it"))
                #expect(outcome.errors.contains("`rbd-ferry config match` tells"))
                #expect(outcome.images.isEmpty)
                // One that was made a moment ago is known at once.
                try await stage.makeSource("new")
                #expect(try await sender.sync("--wait", stage.prefix + "new").status == 0)
            }
        }

        @Test("runs by itself once the agent has gone, killed or not")
        func alone() async throws {
            try await withAgents { stage, sender, _ in
                #expect(try await sender.sync("--wait").images.first?.wasJoined == false)
                await sender.command.killNow()
                try await stage.sourceImage().change(.scatter(seed: 3, count: 2, byteCountMax: 5000))
                let outcome = try await sender.sync()
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.images.map(\.result) == ["published"])
                #expect(outcome.images.first?.wasJoined == nil, "no agent was asked")
                try await stage.expectCurrent()
            }
        }

        @Test("a receiver's refusal comes through: cause, remedy and 5; the agent says the same")
        func refused() async throws {
            try await withAgents { stage, sender, receiver in
                #expect(try await sender.sync("--wait").status == 0)
                try await stage.mirrorImage().change(.write(seed: 9, offset: 5000, byteCount: 5000))
                try await stage.sourceImage().change(.scatter(seed: 2, count: 3, byteCountMax: 5000))
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status == 5)
                #expect(outcome.images.map(\.result) == ["refused"])
                #expect(outcome.images.first?.error?.contains("someone wrote to the mirror") == true)
                #expect(outcome.images.first?.remedy?.isEmpty == false)
                let image = try #require(try await sender.image(stage.prefix + "vm"))
                #expect(image.state == .stopped)
                #expect(image.lastError?.cause == outcome.images.first?.error)
                let mirror = try #require(try await receiver.image(stage.prefix + "vm"))
                #expect(mirror.state == .stopped)
                #expect(mirror.lastError?.cause.contains("someone wrote to the mirror") == true)
                for agent in [sender, receiver] {
                    let check = ShellCommand.ferry("status", "--control", agent.socketPath, "--check")
                    #expect(try await check.outcome().status == 1)
                }
            }
        }

        @Test("a receiver that is not there: 75, and tried again until it is")
        func unreachable() async throws {
            try await withAgents { stage, sender, receiver in
                let port = receiver.port
                await receiver.command.killNow()
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status == 75)
                #expect(outcome.images.map(\.result) == ["temporary"])
                #expect(outcome.images.first?.error?.contains("127.0.0.1:\(port)") == true)
                #expect(try await sender.image(stage.prefix + "vm")?.state == .retrying)
                try await stage.startReceiver("receiver", stage.receiverText(port: port))
                try await eventually("it is tried again, without being asked") {
                    try await sender.image(stage.prefix + "vm")?.state == .inSync
                }
                try await stage.expectCurrent()
            }
        }

        @Test("an agent that is told to stop: 75 for who waits, within `stop-within`; the next run goes on")
        func stopping() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource(byteCount: 4 << 20)
                let receiver = try await stage.startReceiver()
                let text = stage.senderText(
                    to: [receiver.port], rules: ["{match: \"*\", every: 1d, keep: all}"], more: "stop-within: 1s")
                receiver.command.signal(SIGSTOP)
                let sender = try await stage.startSender(text)
                try await eventually("the run is under way") {
                    try await sender.image(stage.prefix + "vm")?.state == .syncing
                }
                let waiting = try sender.startSync("--wait")
                #expect(try await sender.sync().images.map(\.wasJoined) == [true])
                let began = ContinuousClock.now
                sender.command.signal(SIGTERM)
                #expect(try await sender.command.outcome().status == 0)
                #expect(ContinuousClock.now - began < .seconds(10))
                let outcome = try UsageSync(try await waiting.outcome())
                #expect(outcome.status == 75, "\(outcome.errors) \(outcome.images)")
                receiver.command.signal(SIGCONT)
                let next = try await stage.startSender(text)
                try await eventually("the agent after it goes on by itself") {
                    try await next.image(stage.prefix + "vm")?.state == .inSync
                }
                #expect(try await stage.sourceImage().snapshotNames().count == 1)
                try await stage.expectCurrent()
            }
        }

        @Test("a hook that fails fails the runs to all peers, not only the first one's")
        func failingHookWithTwoPeers() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let other = try await stage.startReceiver(
                    "other",
                    stage.receiverText(
                        "other", clients: #"{identity: sender.site-a, images: ["*"], prefix: other-}"#))
                let rule = "{match: \"*\", before: {command: [/bin/bash, -c, \"sleep 0.3; exit 3\"]}}"
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port, other.port], rules: [rule]))
                let outcome = try await sender.sync("--wait")
                #expect(outcome.images.map(\.result) == ["temporary", "temporary"])
                #expect(outcome.status == 75)
            }
        }
    }
}
