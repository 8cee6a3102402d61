import Foundation
import Testing

extension EndToEnd {
    @Suite("Agents mirror by schedule", .serialized, .timeLimit(.minutes(2)))
    struct AgentUsageScheduleTests {
        @Test("what the last matching rule says, and keep what each side's rules name", arguments: StageKind.pairs)
        func rules(kind: StageKind) async throws {
            try await UsageStage.with(kind) { stage in
                for name in ["vm-1", "vm-2", "vm-scratch"] { try await stage.makeSource(name) }
                let receiver = try await stage.startReceiver(
                    "receiver",
                    stage.receiverText(clients: #"{identity: sender.site-a, images: ["*"], keep: {last: 3}}"#))
                let sender = try await stage.startSender(
                    stage.senderText(
                        to: [receiver.port],
                        rules: [
                            "{match: \"\(stage.prefix)*\", every: 1s, keep: {last: 2}}",
                            "{exclude: \"\(stage.prefix)vm-scr*\"}",
                        ]))
                for name in ["vm-1", "vm-2"] {
                    let image = stage.sourceImage(name)
                    try await eventually("six snapshots of \(name) were published") {
                        try await image.change(.scatter(seed: 7, count: 2, byteCountMax: 5000))
                        return try await sender.image(image.name)?.totals.publishedSnapshots ?? 0 >= 6
                    }
                }
                sender.command.signal(SIGTERM)
                #expect(try await sender.command.outcome().status == 0)
                for name in ["vm-1", "vm-2"] {
                    try await stage.expectMirrored(name, countMin: 3)
                    #expect(try await stage.mirrorImage(name).snapshotNames().count == 3)
                    #expect(try await stage.sourceImage(name).snapshotNames().count == 2)
                }
                #expect(try await stage.sourceImage("vm-scratch").snapshotNames().isEmpty)
                #expect(try await stage.mirrorImage("vm-scratch").snapshotNames().isEmpty)
            }
        }

        @Test("and take up an image that is made while they run; one that is gone is forgotten")
        func newImage() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource("vm-1")
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(
                        to: [receiver.port], rules: ["{match: \"*\", every: 1s, keep: {last: 2}}"]))
                try await stage.makeSource("vm-2")
                try await eventually("the new image is mirrored") {
                    try await sender.image(stage.sourceImage("vm-2").name)?.lastPublished != nil
                }
                try await stage.expectMirrored("vm-2")
                try FileManager.default.removeItem(atPath: stage.sourceImage("vm-1").spec)
                try await eventually("the image that is gone is forgotten") {
                    try await sender.image(stage.sourceImage("vm-1").name) == nil
                }
                #expect(try await stage.mirrorImage("vm-1").snapshotNames().count >= 1, "its mirror stays")
            }
        }

        @Test("by the later of two rules that match")
        func lastMatch() async throws {
            try await UsageStage.with { stage in
                for name in ["vm-1", "vm-2"] { try await stage.makeSource(name) }
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(
                        to: [receiver.port],
                        rules: [
                            "{exclude: \"*vm-2\"}", "{match: \"*\", every: 1s, keep: {last: 2}}",
                            "{match: \"*vm-1\", every: 1d, keep: all}",
                        ]))
                try await eventually("the image of the second rule goes on") {
                    try await sender.image(stage.sourceImage("vm-2").name)?.totals.publishedSnapshots ?? 0 >= 3
                }
                let daily = try #require(try await sender.image(stage.sourceImage("vm-1").name))
                #expect(daily.intervalSeconds == 86_400)
                #expect(daily.totals.publishedSnapshots == 1)
                #expect(daily.nextRunAt.map { $0 > Date() } == true)
            }
        }

        @Test("and go on after a restart where they were: what is published is known, and nothing is done twice")
        func restart() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let text = stage.senderText(
                    to: [receiver.port], rules: ["{match: \"*\", every: 1d, keep: {last: 2}}"])
                let sender = try await stage.startSender(text)
                let name = stage.prefix + "vm"
                try await eventually("it is published") { try await sender.image(name)?.state == .inSync }
                await sender.command.killNow()
                await receiver.command.killNow()
                let published = try await stage.mirrorImage().snapshotNames()
                for agent in [try await stage.startReceiver(), try await stage.startSender(text)] {
                    try await eventually("the agent knows what is published") {
                        guard let image = try await agent.image(name) else { return false }
                        return image.state == .inSync && image.lastPublished?.snapshot == published.last
                            && image.totals.succeededRuns == 0
                    }
                }
                #expect(try await stage.sourceImage().snapshotNames() == published)
            }
        }
    }
}
