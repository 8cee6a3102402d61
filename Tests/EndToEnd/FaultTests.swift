import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A bad line and a cluster that hangs", .serialized, .timeLimit(.minutes(4)))
    struct FaultTests {
        private static let mebibyte = 1 << 20

        @Test("a line that is cut at random bytes, again and again, harms nothing", arguments: StageKind.pairs)
        func cuts(kind: StageKind) async throws {
            let seed = UInt64.random(in: .min ... .max)
            print("cuts of a line with seed \(seed)")
            var generator = SeededGenerator(seed: seed)
            try await Stage.with(kind) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                let image = try await stage.makeSource(byteCount: 4 * Self.mebibyte)
                let line = try BadLine(to: stage.receiver.port)
                defer { line.close() }
                var goodCount = 0
                for round in 0..<30 {
                    line.set(Self.cut(&generator))
                    let outcome = try await stage.sync(settings: Self.settings(line))
                    #expect([0, 75].contains(outcome.status), "round \(round): \(outcome.errors)")
                    guard outcome.status == 0 else { continue }
                    goodCount += 1
                    try await image.change(.write(seed: round + 2, offset: 0, byteCount: 3 * Self.mebibyte))
                }
                print("cuts of a line: \(goodCount) of 30 syncs came through")
                _ = try await stage.syncUntilDone()
                let names = try await stage.mirrorImage().snapshotNames()
                try await stage.expectEqual(snapshotCount: names.count)
                #expect(try await stage.leftBehind() == [])
            }
        }

        /// Anywhere: as often in the greeting as in the data.
        private static func cut(_ generator: inout SeededGenerator) -> BadLine.Quality {
            func byteCount(upTo exponentMax: Double) -> Int {
                Int(pow(2, Double.random(in: 0...exponentMax, using: &generator)))
            }
            return Bool.random(using: &generator) || Bool.random(using: &generator)
                ? .cut(sent: byteCount(upTo: 22.2)) : .cut(received: byteCount(upTo: 13))
        }

        private static func settings(_ line: BadLine) -> SenderSettings {
            SenderSettings(port: line.port, checkpointMebibytes: 4)
        }

        @Test(
            "what lasts for half a minute and more passes, or ends in an error that says it, and the next sync goes on")
        func longFaults() async throws {
            // They wait nearly all of the time.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await halfOpen() }
                group.addTask { try await trickle() }
                if let first = Cluster.first, let second = Cluster.second {
                    group.addTask { try await stop(first, .fromCluster, more: "read-limit: 4MiB") }
                    group.addTask { try await stop(second, .toCluster, more: "limit: 4MiB") }
                }
                try await group.waitForAll()
            }
        }

        /// Both ends notice that nothing passes, and let go of what they hold.
        private func halfOpen() async throws {
            try await Stage.with(.directories) { stage in
                try await stage.makeSource(byteCount: 16 * Self.mebibyte)
                let line = try BadLine(to: stage.receiver.port, .halfOpen(sent: 6 * Self.mebibyte))
                defer { line.close() }
                let began = ContinuousClock.now
                let outcome = try await stage.sync(settings: Self.settings(line))
                let error = outcome.images.first?.error ?? ""
                #expect(outcome.status == 75)
                #expect(error.contains("the peer said nothing for 60 s"), "\(error)")
                #expect(ContinuousClock.now - began < .seconds(80))
                // The sockets are still open; the receiver has to notice for itself that it can let go of the mirror.
                let next = try await stage.syncUntilDone()
                #expect(next.steps.contains { $0.savedByResumeBytes > 0 })
                try await stage.expectEqual(snapshotCount: 1)
                print("half-open line: ended after \(began.duration(to: .now).components.seconds) s with: \(error)")
            }
        }

        /// A transfer that takes its time is not taken for one that hangs.
        private func trickle() async throws {
            try await Stage.with(.directories) { stage in
                let byteCount = 256 << 10
                try await stage.makeSource(byteCount: byteCount)
                let line = try BadLine(to: stage.receiver.port, .trickle(bytesPerSecond: 6 << 10))
                defer { line.close() }
                let began = ContinuousClock.now
                let outcome = try await stage.sync(settings: Self.settings(line))
                let error = outcome.images.first?.error ?? outcome.errors
                #expect(outcome.status == 0, "\(error)")
                #expect(ContinuousClock.now - began > .seconds(35))
                try await stage.expectEqual(snapshotCount: 1)
                print("trickle: \(byteCount) bytes in \(began.duration(to: .now).components.seconds) s")
            }
        }

        /// A cluster's only OSD stands still while images are read from it, or written to it.
        private func stop(_ cluster: Cluster, _ kind: StageKind, more: String) async throws {
            try await Stage.with(kind) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                try await stage.makeSource(byteCount: 24 * Self.mebibyte)
                let proxy = try Proxy(to: stage.receiver.port, after: 3 * Self.mebibyte, .none)
                defer { proxy.close() }
                let sender = try stage.startSync(
                    settings: SenderSettings(port: proxy.port, checkpointMebibytes: 4, more: more))
                try await proxy.reached()
                try await cluster.stopOSD(for: .seconds(30))
                let outcome = try SyncOutcome(try await sender.outcome())
                #expect([0, 75].contains(outcome.status), "\(outcome.errors)")
                let error = outcome.images.first?.error
                #expect((outcome.status == 0) == (error == nil))
                print("\(kind.rawValue), OSD stopped for 30 s: ended with \(outcome.status) \(error ?? "")")
                if outcome.status != 0 { _ = try await stage.syncUntilDone() }
                let names = try await stage.mirrorImage().snapshotNames()
                try await stage.expectEqual(snapshotCount: names.count)
                #expect(try await stage.leftBehind() == [])
            }
        }
    }
}
