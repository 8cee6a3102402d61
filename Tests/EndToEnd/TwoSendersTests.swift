import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("Two sending agents for the same images", .serialized, .timeLimit(.minutes(3)))
    struct TwoSendersTests {
        private static let names = (1...4).map { "vm-\($0)" }
        /// What runs only do while they have the image's lease.
        private static let leasedPhases = ["snapshotting", "preparing", "offering", "sending"]

        @Test("never work on one at once, and one goes on when the other is killed", arguments: StageKind.pairs)
        func two(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                try await stage.forgetDeadClients(afterSeconds: 10)
                for name in Self.names { try await stage.makeSource(name, byteCount: 24 << 20) }
                let journal = "\(stage.folder)/hooks.txt"
                let senders = [
                    try await stage.startSender(settings("one", journal: journal)),
                    try await stage.startSender(settings("two", journal: journal)),
                ]
                let states = try await watch(senders, for: .seconds(6))
                #expect(states.contains("elsewhere"), "\(states)")
                #expect(states.contains("in sync"), "\(states)")
                expectTurns(in: try String(contentsOfFile: journal, encoding: .utf8))
                // Its lease lives on then, where leases run out by themselves.
                try await eventually("it works on an image") {
                    try await senders[0].status().images.contains(where: isLeased)
                }
                await senders[0].command.killNow()
                try await expectNewerSnapshots(by: senders[1], on: stage)
                #expect(try await senders[1].stop().status == 0)
                let log = try stage.receiver.command.errors
                for word in ["another transfer of", "locked"] { #expect(!log.contains(word), "\(log)") }
            }
        }

        private func settings(_ name: String, journal: String) -> SenderAgentSettings {
            func hook(_ word: String) -> String {
                """
                {command: [/bin/sh, "-c", "echo \(word) \(name) $RBD_FERRY_IMAGE >> \(journal)"], \
                timeout: 20s, fatal: true}
                """
            }
            let rule = "every: 1s, keep: {last: 4}, before: \(hook("begin")), after: \(hook("end"))"
            return SenderAgentSettings(rule: rule, name: name)
        }

        /// Looks at both again and again; the states that images were seen in.
        private func watch(_ senders: [Sender], for time: Duration) async throws -> Set<String> {
            var states: Set<String> = []
            let end = ContinuousClock.now + time
            while ContinuousClock.now < end {
                let before = try await senders[0].status()
                let other = try await senders[1].status()
                let after = try await senders[0].status()
                states.formUnion((before.images + other.images).map(\.state.rawValue))
                for image in other.images where isLeased(image) {
                    guard let first = before.images.first(where: { $0.image == image.image }), isLeased(first),
                        let second = after.images.first(where: { $0.image == image.image }), isLeased(second),
                        // The same run: it had the image all the time.
                        first.totals == second.totals
                    else { continue }
                    Issue.record("both work on \(image.image): \(first), \(image), \(second)")
                }
            }
            return states
        }

        private func isLeased(_ image: ImageStatus) -> Bool {
            image.state == .syncing && image.phase.map(Self.leasedPhases.contains) ?? false
        }

        /// Within the time that a dead agent's lease lasts, and a while.
        private func expectNewerSnapshots(by sender: Sender, on stage: Stage) async throws {
            let killedAt = Date()
            var late: [ImageStatus] = []
            do {
                try await eventually("the other goes on with all images", within: .seconds(60)) {
                    late = try await sender.status().images.filter { image in
                        image.lastPublished.map { $0.takenAt <= killedAt + 1 } ?? true
                    }
                    return late.isEmpty
                }
            } catch {
                Issue.record("\(error): \(late), \(sender.command.errors.suffix(4000))")
            }
        }

        /// Hooks around snapshots of an image follow each other, and both of a pair are of the same agent.
        private func expectTurns(in journal: String) {
            var agents: [Substring: Substring] = [:]
            var seen: Set<Substring> = []
            for line in journal.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 3 else {
                    Issue.record("what is this: \(line)")
                    continue
                }
                seen.insert(words[1])
                if words[0] == "begin" {
                    #expect(agents[words[2]] == nil, "\(line)")
                    agents[words[2]] = words[1]
                } else {
                    #expect(agents[words[2]] == words[1], "\(line)")
                    agents[words[2]] = nil
                }
            }
            #expect(seen.count == 2, "\(seen)")
        }
    }
}
