import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite("A mirror's store without room", .serialized, .timeLimit(.minutes(3)))
    struct FullStoreTests {
        private static let mebibyte = 1 << 20

        private func expectNoRoom(
            _ outcome: SyncOutcome, _ what: String, location: SourceLocation = #_sourceLocation
        ) {
            let error = outcome.images.first?.error ?? outcome.errors
            print("\(what): \(error)")
            #expect(outcome.status == 75, "\(what): \(error)", sourceLocation: location)
            #expect(
                error.contains("space") || error.contains("quota") || error.contains("ENOSPC")
                    || error.contains("EDQUOT"), "\(what): \(error)", sourceLocation: location)
        }

        @Test(
            "a full pool ends transfers, hangs nothing, and they go on once there is room",
            .enabled(if: Cluster.areThere), arguments: Cluster.Shortage.allCases)
        func pool(shortage: Cluster.Shortage) async throws {
            let cluster = try #require(Cluster.second)
            try await Stage.with(.clusters) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                try await stage.makeSource(byteCount: 24 * Self.mebibyte)
                let proxy = try Proxy(to: stage.receiver.port, after: 8 * Self.mebibyte, .hold)
                defer { proxy.close() }
                let sender = try stage.startSync(settings: SenderSettings(port: proxy.port))
                try await proxy.reached()
                let result: Result<Void, any Error>
                do {
                    try await cluster.setFull(true, shortage)
                    proxy.release()
                    result = .success(try await whileFull(stage, sender))
                } catch {
                    result = .failure(error)
                }
                try await cluster.setFull(false, shortage)
                try result.get()
                let outcome = try await stage.syncUntilDone()
                #expect((outcome.steps.first?.savedByResumeBytes ?? 0) > 0)
                try await stage.expectEqual(snapshotCount: stage.mirrorImage().snapshotNames().count)
                #expect(try await stage.leftBehind() == [])
            }
        }

        private func whileFull(_ stage: Stage, _ sender: RunningCommand) async throws {
            let began = ContinuousClock.now
            expectNoRoom(try SyncOutcome(try await sender.outcome()), "the pool became full")
            expectNoRoom(try await stage.sync(), "the pool is full")
            #expect(ContinuousClock.now - began < .seconds(30))
        }

        @Test("an agent tells that a pool is full, tries again, and catches up", .enabled(if: Cluster.areThere))
        func agent() async throws {
            let cluster = try #require(Cluster.second)
            try await Stage.with(.clusters) { stage in
                let image = stage.sourceImage()
                try await image.create(byteCount: 8 * Self.mebibyte)
                let name = stage.prefix + "vm"
                let sender = try await stage.startSender(SenderAgentSettings(rule: "every: 1s, keep: {last: 20}"))
                try await eventually("it is mirrored") { try await stage.mirrorImage().snapshotNames().count > 0 }
                let result: Result<Void, any Error>
                do {
                    try await cluster.setFull(true, .quota)
                    // What takes no room goes on: records, snapshots, and writes over what is there.
                    try await image.change(.write(seed: 1, offset: 0, byteCount: 8 * Self.mebibyte))
                    result = .success(
                        try await eventually("the agent says it") {
                            let error = try await sender.image(name)?.lastError
                            return error?.cause.contains("ENOSPC") ?? false || error?.cause.contains("EDQUOT") ?? false
                        })
                } catch {
                    result = .failure(error)
                }
                let error = try await sender.image(name)?.lastError
                print("an agent whose mirror's pool is full: \(error?.cause ?? "") - \(error?.remedy ?? "")")
                try await cluster.setFull(false, .quota)
                try result.get()
                try await eventually("the agent catches up") {
                    guard let image = try await sender.image(name) else { return false }
                    return image.lastError == nil && image.lagSeconds.map { $0 < 3 } ?? false
                }
                #expect(try await sender.stop().status == 0)
                _ = try await stage.syncUntilDone()
                try await stage.expectEqual(snapshotCount: stage.mirrorImage().snapshotNames().count)
            }
        }

        @Test(
            "a full disk under a folder ends transfers, and they go on once there is room", .enabled(if: geteuid() == 0)
        )
        func disk() async throws {
            let disk = try await SmallFileSystem(byteCount: 64 * Self.mebibyte)
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("full-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: "\(disk.path)/mirror", withIntermediateDirectories: true)
            let (source, mirror) = (Place.directory("\(folder)/source"), Place.directory("\(disk.path)/mirror"))
            try await Stage.with(folder: folder, source: source, mirror: mirror) { stage in
                let image = try await stage.makeSource(byteCount: 16 * Self.mebibyte)
                try disk.leave(byteCount: 9 * Self.mebibyte)
                expectNoRoom(try await stage.sync(), "no room for the head")
                try disk.leave(byteCount: nil)
                let first = try await stage.syncUntilDone()
                #expect((first.steps.first?.savedByResumeBytes ?? 0) > 0)
                // The head has its room; what a snapshot of it takes is missing.
                try await image.change(.write(seed: 2, offset: 0, byteCount: Self.mebibyte))
                try disk.leave(byteCount: 4 * Self.mebibyte)
                expectNoRoom(try await stage.sync(), "no room for the snapshot")
                try disk.leave(byteCount: nil)
                let second = try await stage.syncUntilDone()
                let step = try #require(second.steps.first)
                #expect(step.savedByResumeBytes >= Self.mebibyte && step.contentBytes < 4096, "\(step)")
                try await stage.expectEqual(snapshotCount: 2)
                let files = try FileManager.default.subpathsOfDirectory(atPath: stage.mirrorImage().spec)
                #expect(!files.contains { $0.contains(".rbd-ferry-") }, "\(files)")
            }
        }
    }
}
