import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "A lost base is made up for by comparison", .serialized, .enabled(if: Cluster.areThere), .timeLimit(.minutes(4))
    )
    struct ReconcileTests {
        private static let mebibyte = 1 << 20
        private static let byteCount = 64 * mebibyte

        /// A mirror of a source whose only common snapshot was then removed there; that snapshot's name.
        private func loseBase(_ stage: Stage) async throws -> String {
            let image = try await stage.makeSource(byteCount: Self.byteCount)
            let base = try #require(try await stage.sync().steps.first?.snapshot)
            try await #require(Cluster.first).rbd("snap", "rm", "--no-progress", "\(image.spec)@\(base)")
            // Our snapshots are named after the second: the next one must not get this one's name.
            try await Task.sleep(for: .seconds(1.1))
            return base
        }

        private func expectEqual(_ stage: Stage, at snapshot: String, location: SourceLocation = #_sourceLocation)
            async throws
        {
            let here = try await stage.sourceImage().digest(at: snapshot)
            #expect(try await stage.mirrorImage().digest(at: snapshot) == here, sourceLocation: location)
        }

        /// What people are told.
        private func plainRefusal(_ stage: Stage) async throws -> String {
            let settings = try SenderSettings(port: stage.receiver.port)
            let path = try stage.write("plain.yaml", settings.text(stage.source, stage.certificates))
            let command = try RunningCommand(
                FerryBinary.path, ["sync", "now", "--config", path, "\(stage.prefix)vm"])
            let outcome = try await command.outcome()
            #expect(outcome.status == 5)
            return outcome.output + outcome.errors
        }

        @Test("refused without the flag, which the remedy names; with it, only what differs is sent")
        func reconciles() async throws {
            try await Stage.with(.clusters) { stage in
                let base = try await loseBase(stage)
                let before = try await stage.mirrorImage().digest(at: base)
                try await stage.sourceImage().change(
                    .scatter(seed: 2, count: 5, byteCountMax: 5000), .zero(offset: 8 << 20, byteCount: 1 << 20))
                let refused = try await stage.sync()
                #expect(refused.status == 5)
                #expect(refused.images.first?.error?.contains("no snapshot is on both ends") == true)
                #expect(try await plainRefusal(stage).contains("--reconcile"))
                #expect(try await stage.sourceImage().snapshotNames() == [])

                let outcome = try await stage.sync("\(stage.prefix)vm", "--reconcile")
                #expect(outcome.status == 0, "\(outcome.errors) \(outcome.images.first?.error ?? "")")
                let step = try #require(outcome.steps.first)
                #expect(step.base == nil && step.sentBytes < Self.byteCount / 16, "\(step)")
                try await expectEqual(stage, at: step.snapshot)
                #expect(try await stage.mirrorImage().digest(at: base) == before)

                try await stage.sourceImage().change(.scatter(seed: 3, count: 3, byteCountMax: 5000))
                let next = try #require(try await stage.sync().steps.first)
                #expect(next.base == step.snapshot)
                try await expectEqual(stage, at: next.snapshot)
            }
        }

        @Test("a mirror that was filled by rbd import is sent only what differs")
        func seeded() async throws {
            let (first, second) = (try #require(Cluster.first), try #require(Cluster.second))
            try await Stage.with(.clusters) { stage in
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                let disk = "\(stage.folder)/disk"
                try await first.rbd("export", "--no-progress", image.spec, disk)
                try await second.rbd("import", "--no-progress", disk, stage.mirrorImage().spec)
                try await image.change(.scatter(seed: 2, count: 5, byteCountMax: 5000))
                #expect(try await stage.sync("\(stage.prefix)vm", "--reconcile").status == 5, "the receiver forbids it")

                try await stage.startReceiver(seeded: "*-vm")
                let outcome = try await stage.sync("\(stage.prefix)vm", "--reconcile")
                #expect(outcome.status == 0, "\(outcome.errors) \(outcome.images.first?.error ?? "")")
                #expect(outcome.steps.allSatisfy { $0.sentBytes < Self.byteCount / 16 })
                try await stage.expectEqual(snapshotCount: 1)
            }
        }

        @Test("killed in the middle it goes on where it stopped, also without the flag", arguments: [true, false])
        func killed(isSender: Bool) async throws {
            try await Stage.with(.clusters) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                _ = try await loseBase(stage)
                try await stage.sourceImage().change(.write(seed: 2, offset: 0, byteCount: Self.byteCount))
                let proxy = try Proxy(to: stage.receiver.port, after: 30 * Self.mebibyte, .none)
                defer { proxy.close() }
                let sender = try stage.startSync(
                    ["\(stage.prefix)vm", "--reconcile"], settings: SenderSettings(port: proxy.port))
                try await proxy.reached()
                if isSender {
                    await sender.killNow()
                } else {
                    await stage.killReceiver()
                    #expect(try await sender.outcome().status == 75)
                    try await stage.startReceiver()
                }
                let step = try #require(try await stage.syncUntilDone().steps.first)
                #expect(step.base == nil && step.savedByResumeBytes > 0, "\(step)")
                try await expectEqual(stage, at: step.snapshot)
            }
        }

        @Test("diff: compare sends what differs from the head, with a base and without a list of changes")
        func compareMode() async throws {
            try await Stage.with(.clusters) { stage in
                let settings = try SenderSettings(port: stage.receiver.port, more: "diff: compare")
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                for round in 1...3 {
                    let outcome = try await stage.sync("\(stage.prefix)vm", settings: settings)
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    if round > 1 { #expect(outcome.steps.allSatisfy { $0.sentBytes < Self.byteCount / 16 }) }
                    try await stage.expectEqual(snapshotCount: round)
                    try await image.change(.scatter(seed: round, count: 5, byteCountMax: 5000))
                }
            }
        }
    }
}
