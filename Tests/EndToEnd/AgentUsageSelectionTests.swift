import DirectoryStore
import Foundation
import ImageStore
import Testing

extension EndToEnd {
    @Suite("Agents pass on users' snapshots", .serialized, .timeLimit(.minutes(2)))
    struct AgentUsageSelectionTests {
        @Test("with `snapshots: all` every one, in the order in which they were made", arguments: StageKind.pairs)
        func all(kind: StageKind) async throws {
            try await UsageStage.with(kind) { stage in
                let image = try await stage.makeSource()
                for name in ["zebra", "aardvark"] {
                    try await image.change(.scatter(seed: name.count, count: 3, byteCountMax: 5000))
                    try await image.makeUserSnapshot(name)
                }
                try await image.change(.scatter(seed: 20, count: 3, byteCountMax: 5000))
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(
                        to: [receiver.port], rules: ["{match: \"\(stage.prefix)*\", snapshots: all}"]))
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status == 0, "\(outcome.errors)")
                let own = try #require(outcome.images.first?.snapshot)
                #expect(own.hasPrefix("ferry-"))
                #expect(publishedNames(sender, image) == ["zebra", "aardvark", own])
                #expect(Set(try await stage.mirrorImage().snapshotNames()) == ["zebra", "aardvark", own])
                try await stage.expectMirrored(countMin: 3)
                try await stage.expectEqual(own)
            }
        }

        @Test("with a pattern those that match, as they are made, and none of our own is made")
        func pattern() async throws {
            try await UsageStage.with { stage in
                let image = try await stage.makeSource()
                for name in ["daily-2", "hourly-1", "daily-1"] {
                    try await image.change(.scatter(seed: 5, count: 3, byteCountMax: 5000))
                    try await image.makeUserSnapshot(name)
                }
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(
                        to: [receiver.port],
                        rules: ["{match: \"*\", every: 1s, keep: all, snapshots: \"daily-*\"}"]))
                let name = image.name
                try await eventually("the two are on the mirror") {
                    try await sender.image(name)?.lastPublished?.snapshot == "daily-1"
                }
                try await image.makeUserSnapshot("daily-0")
                try await eventually("the third is on the mirror, without being asked for") {
                    try await sender.image(name)?.lastPublished?.snapshot == "daily-0"
                }
                #expect(publishedNames(sender, image) == ["daily-2", "daily-1", "daily-0"])
                let present = try await image.snapshotNames()
                #expect(present == ["daily-0", "daily-1", "daily-2", "hourly-1"], "none of ours")
                #expect(try await stage.mirrorImage().snapshotNames() == ["daily-0", "daily-1", "daily-2"])
                try await stage.expectMirrored(countMin: 3)
            }
        }

        @Test(
            "a mirror is not snapshotted, but what is published there goes on to a third site",
            arguments: StageKind.pairs)
        func chain(kind: StageKind) async throws {
            try await UsageStage.with(kind) { stage in
                let third = try await thirdPlace(stage)
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let last = try await stage.startReceiver("last", stage.receiverText("last", store: third.configuration))
                let first = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"\(stage.prefix)*\"}"]))
                #expect(try await first.sync("--wait").status == 0)

                let middle = try await startMiddle(stage, to: last.port, snapshots: "own")
                let refused = try await middle.sync("--wait")
                #expect(refused.status == 5)
                #expect(refused.images.first?.error?.contains("is a mirror: a snapshot of its head") == true)
                #expect(refused.images.first?.remedy?.contains("write `snapshots: all` in its rule") == true)
                #expect(try await stage.mirrorImage().snapshotNames().count == 1, "none was made")

                await middle.command.killNow()
                let passing = try await startMiddle(stage, to: last.port, snapshots: "all")
                for seed in 1...2 {
                    try await stage.sourceImage().change(.scatter(seed: seed, count: 3, byteCountMax: 5000))
                    #expect(try await first.sync("--wait").status == 0)
                    let outcome = try await passing.sync("--wait")
                    #expect(outcome.status == 0, "\(outcome.errors)")
                }
                let names = try await stage.mirrorImage().snapshotNames()
                let end = third.image(stage.prefix + "vm")
                // Of ours the newest is sent: the first one was passed over.
                #expect(names.count == 3)
                #expect(try await end.snapshotNames() == Array(names.dropFirst()))
                for name in names.dropFirst() {
                    let here = try await stage.sourceImage().digest(at: name)
                    let there = try await end.digest(at: name)
                    #expect(here == there, "\(name) differs at the third site")
                }
            }
        }

        private func thirdPlace(_ stage: UsageStage) async throws -> Place {
            let path = "\(stage.folder)/third"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            return .directory(path)
        }

        private func startMiddle(
            _ stage: UsageStage, to port: Int, snapshots: String
        ) async throws -> UsageAgent {
            try await stage.startSender(
                stage.senderText(
                    "middle", store: stage.mirror.configuration, to: [port],
                    rules: ["{match: \"\(stage.prefix)*\", snapshots: \(snapshots)}"]), as: "middle")
        }

        /// The snapshots of an image that a sender's log tells of, in order.
        private func publishedNames(_ sender: UsageAgent, _ image: SiteImage) -> [String] {
            sender.command.errors.split(separator: "\n").compactMap { line in
                guard let start = line.range(of: "\(image.name)@"), line.contains(" published on b") else { return nil }
                return String(line[start.upperBound...].prefix { $0 != " " })
            }
        }
    }
}

extension UsageStage {
    /// A snapshot of the mirror equals the source's head.
    fileprivate func expectEqual(_ snapshot: String) async throws {
        let here = try await sourceImage().digest(at: nil)
        let there = try await mirrorImage().digest(at: snapshot)
        #expect(here == there, "\(snapshot) is not the source's head")
    }
}

extension SiteImage {
    /// Makes a snapshot as a user does.
    func makeUserSnapshot(_ snapshot: String) async throws {
        guard case .directory(let path) = place else { return try await change(.snapshot(snapshot)) }
        let image = try await DirectoryStore.open(path).openSource(name)
        _ = try await image.createSnapshot(snapshot)
        await image.close()
    }
}
