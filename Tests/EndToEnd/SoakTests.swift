import Foundation
import Glibc
import Reporting
import TestSupport
import Testing

/// How long the soak makes trouble.
private let soakSeconds =
    ProcessInfo.processInfo.environment["RBD_FERRY_TEST_SOAK_SECONDS"].flatMap { Int($0) } ?? 60

extension EndToEnd {
    @Suite(
        "Agents that run for long, while they and a cluster's daemon are killed", .serialized,
        .enabled(if: Cluster.areThere), .timeLimit(.minutes(6 + soakSeconds / 60)))
    struct SoakTests {
        private static let imageByteCount = 32 << 20
        private static let intervalSeconds = 3.0
        private static let sourceCount = 4
        private static let mirrorCount = 6
        private static let names = (1...8).map { "vm-\($0)" }
        private static let settings = SenderAgentSettings(rule: "every: 3s, keep: {last: \(sourceCount)}")
        private static let mirrorKeep = "{last: \(mirrorCount)}"

        /// What is killed.
        private enum Trouble: CaseIterable {
            case sender
            case receiver
            case sourceOSD
            case mirrorOSD
        }

        @Test("every snapshot that both sides hold is equal, lag is back under two intervals, old snapshots are gone")
        func soak() async throws {
            let seed = UInt64.random(in: .min ... .max)
            print("soak with seed \(seed)")
            try await Stage.with(.clusters) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                for name in Self.names { try await stage.makeSource(name, byteCount: Self.imageByteCount) }
                try await stage.restartReceiver(keep: Self.mirrorKeep)
                let writers = try startWriters(on: stage, seed: seed)
                let sender = try await makeTrouble(on: stage, seed: seed)
                for writer in writers {
                    #expect(writer.isRunning, "a writer ended: \(writer.errors)")
                    writer.signal(SIGTERM)
                    #expect(try await writer.outcome().status == 0, "\(writer.errors)")
                }
                try await expectRecovery(of: sender)
                let receiver = try stage.receiver.command
                #expect(try await sender.stop().status == 0)
                receiver.signal(SIGTERM)
                #expect(try await receiver.outcome().status == 0)
                try await expectEqualMirrors(on: stage)
            }
        }

        private func startWriters(on stage: Stage, seed: UInt64) throws -> [RunningCommand] {
            try Self.names.enumerated().map { number, name in
                try stage.sourceImage(name).startChange(
                    .drizzle(seed: Int(seed % 1000) + number, byteCountMax: 65_536, perSecond: 5),
                    secondsMax: soakSeconds + 300)
            }
        }

        /// Kills this and that at random moments; the sender that runs in the end.
        private func makeTrouble(on stage: Stage, seed: UInt64) async throws -> Sender {
            var generator = SeededGenerator(seed: seed)
            var sender = try await stage.startSender(Self.settings)
            let end = ContinuousClock.now + .seconds(soakSeconds)
            // An OSD once, and the agents again and again.
            var troubles = [Trouble.sender, .receiver, Bool.random(using: &generator) ? .sourceOSD : .mirrorOSD]
            troubles.shuffle(using: &generator)
            while ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(Int.random(in: 4000...12_000, using: &generator)))
                let trouble = troubles.popLast() ?? (Bool.random(using: &generator) ? .sender : .receiver)
                let pause = Duration.milliseconds(Int.random(in: 0...2000, using: &generator))
                print("soak: \(trouble), \(pause)")
                switch trouble {
                case .sender:
                    await sender.command.killNow()
                    try await Task.sleep(for: pause)
                    sender = try await stage.startSender(Self.settings)
                case .receiver: try await stage.restartReceiver(keep: Self.mirrorKeep, after: pause)
                case .sourceOSD: try await Cluster.first?.restartOSD()
                case .mirrorOSD: try await Cluster.second?.restartOSD()
                }
            }
            return sender
        }

        /// Within the time that a dead agent's lease and watches last, and some runs.
        private func expectRecovery(of sender: Sender) async throws {
            var last: [ImageStatus] = []
            do {
                try await eventually("lag is under two intervals", within: .seconds(90)) {
                    last = try await sender.status().images
                    return last.count == Self.names.count && last.allSatisfy(Self.isWell)
                }
            } catch let error as NeverHappened {
                let bad = last.filter { !Self.isWell($0) }
                Issue.record("\(error): \(bad), log: \(sender.command.errors.suffix(8000))")
            }
        }

        private static func isWell(_ image: ImageStatus) -> Bool {
            guard let lag = image.lagSeconds, image.lastError == nil, !image.isLate else { return false }
            return lag < 2 * intervalSeconds && image.intervalSeconds == intervalSeconds
        }

        private func expectEqualMirrors(on stage: Stage) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                // As many side by side as are worth it.
                for (number, name) in Self.names.enumerated() {
                    if number >= 3 { try await group.next() }
                    group.addTask { try await expectEqualMirror(name, on: stage) }
                }
                try await group.waitForAll()
            }
        }

        private func expectEqualMirror(_ name: String, on stage: Stage) async throws {
            let source = stage.sourceImage(name)
            let mirror = stage.mirrorImage(name)
            let here = try await source.snapshotNames()
            let there = try await mirror.snapshotNames()
            // The base, and a snapshot that is on its way.
            #expect(here.count <= Self.sourceCount + 2, "\(name) has \(here)")
            #expect(there.count <= Self.mirrorCount + 1, "the mirror of \(name) has \(there)")
            let common = here.filter(there.contains)
            #expect(!common.isEmpty, "\(name) has \(here), its mirror \(there)")
            for snapshot in common {
                async let mirrored = mirror.digest(at: snapshot)
                let own = try await source.digest(at: snapshot)
                #expect(try await mirrored == own, "\(name)@\(snapshot) differs")
            }
        }
    }
}
