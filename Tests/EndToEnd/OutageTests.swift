import Foundation
import Planning
import Testing

extension EndToEnd {
    @Suite("A receiver that was away", .serialized, .timeLimit(.minutes(3)))
    struct OutageTests {
        @Test("for more than ten intervals costs one catch-up, not ten", arguments: StageKind.pairs)
        func catchUp(kind: StageKind) async throws {
            let names = ["vm-1", "vm-2"]
            try await Stage.with(kind) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                for name in names { try await stage.makeSource(name, byteCount: 6 << 20) }
                let sender = try await stage.startSender(SenderAgentSettings(rule: "every: 1s, keep: {last: 20}"))
                for name in names {
                    try await eventually("\(name) is mirrored") {
                        try await stage.mirrorImage(name).snapshotNames().count >= 2
                    }
                }
                let went = Date()
                try await stage.restartReceiver(after: .seconds(12))
                let came = Date()
                try await expectLittleLag(sender, names, on: stage)
                #expect(try await sender.stop().status == 0)
                for name in names {
                    let made = try await stage.sourceImage(name).snapshotNames().count {
                        went <= time($0) && time($0) < came - 1
                    }
                    #expect(made >= 8, "\(name) had \(made) snapshots meanwhile")
                    let meanwhile = try await stage.mirrorImage(name).snapshotNames().filter {
                        went <= time($0) && time($0) < came - 1
                    }
                    // What was on its way, and the newest.
                    #expect(meanwhile.count <= 2, "\(name) got \(meanwhile)")
                }
            }
        }

        /// When a snapshot of ours was made.
        private func time(_ name: String) -> Date { SnapshotName.ownTime(name) ?? .distantPast }

        private func expectLittleLag(_ sender: Sender, _ names: [String], on stage: Stage) async throws {
            for name in names {
                try await eventually("\(name) catches up: \(sender.command.errors)") {
                    guard let image = try await sender.image(stage.prefix + name) else { return false }
                    return image.lastError == nil && image.lagSeconds.map { $0 < 2 } ?? false
                }
            }
        }
    }
}
