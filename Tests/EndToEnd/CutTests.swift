import Foundation
import Testing

extension EndToEnd {
    @Suite("A transfer that is cut goes on where it stopped, and ends equal", .serialized, .timeLimit(.minutes(4)))
    struct CutTests {
        private static let mebibyte = 1 << 20
        private static let byteCount = 32 * mebibyte
        /// As in `SenderSettings`.
        private static let checkpointByteCount = 8 * mebibyte
        /// What TLS and records add to 32 MiB, and one block that is not whole.
        private static let overheadByteCount = mebibyte + mebibyte / 2

        /// What ends the transfer.
        enum Cut: String, CaseIterable, CustomTestStringConvertible {
            case senderKilled = "the sender is killed"
            case senderKilledWithAFullWindow = "the sender is killed with a full window"
            case receiverKilled = "the receiver is killed"
            case connectionCut = "the connection is cut"
            var testDescription: String { rawValue }

            fileprivate var trouble: Proxy.Trouble {
                switch self {
                case .senderKilled, .receiverKilled: .none
                case .senderKilledWithAFullWindow: .swallow
                case .connectionCut: .cut
                }
            }
        }

        @Test("and sends at most the checkpoint distance again", arguments: StageKind.pairs, Cut.allCases)
        func cut(kind: StageKind, cut: Cut) async throws {
            try await Stage.with(kind) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                let image = try await stage.makeSource(byteCount: Self.byteCount)
                // A first copy, then an increment that changes every byte.
                for round in 1...2 {
                    let limit = Int.random(in: 1000..<(Self.byteCount - 4 * Self.mebibyte))
                    let sent = try await run(cut, after: limit, on: stage)
                    let outcome = try await stage.syncUntilDone()
                    expectFewBytesTwice(sent, outcome, "\(cut) after \(limit) bytes, round \(round)")
                    try await stage.expectEqual(snapshotCount: round, "\(cut) after \(limit) bytes, round \(round)")
                    try await image.change(.write(seed: round + 1, offset: 0, byteCount: Self.byteCount))
                }
            }
        }

        /// Runs a sync that is cut; the bytes that the sender sent.
        private func run(_ cut: Cut, after limit: Int, on stage: Stage) async throws -> Int {
            let proxy = try Proxy(to: stage.receiver.port, after: limit, cut.trouble)
            defer { proxy.close() }
            let sender = try stage.startSync(settings: SenderSettings(port: proxy.port))
            try await proxy.reached()
            switch cut {
            case .senderKilled: await sender.killNow()
            case .senderKilledWithAFullWindow:
                try await proxy.quiet()
                await sender.killNow()
            case .receiverKilled:
                await stage.killReceiver()
                try await expectTemporary(sender)
                try await stage.startReceiver()
            case .connectionCut:
                try await expectTemporary(sender)
            }
            return proxy.sentByteCount
        }

        private func expectTemporary(_ sender: RunningCommand) async throws {
            let outcome = try SyncOutcome(try await sender.outcome())
            #expect(outcome.status == 75, "\(outcome.errors) \(outcome.images.first?.error ?? "")")
        }

        private func expectFewBytesTwice(
            _ sentByteCount: Int, _ outcome: SyncOutcome, _ comment: Comment,
            location: SourceLocation = #_sourceLocation
        ) {
            // The first step ends the transfer that was cut.
            guard let step = outcome.steps.first else {
                Issue.record("nothing was published: \(outcome.errors). \(comment)", sourceLocation: location)
                return
            }
            let saved = step.savedByResumeBytes
            #expect(
                sentByteCount - saved <= Self.checkpointByteCount + Self.overheadByteCount,
                "sent \(sentByteCount), saved \(saved). \(comment)", sourceLocation: location)
            let delta = saved + step.contentBytes
            #expect(
                (Self.byteCount...Self.byteCount + Self.mebibyte).contains(delta),
                "saved \(saved) and sent \(step.contentBytes). \(comment)", sourceLocation: location)
        }
    }
}
