import Foundation
import Testing

extension EndToEnd {
    @Suite("Commands before and after a snapshot", .serialized, .timeLimit(.minutes(1)))
    struct AgentUsageHookTests {
        /// Runs `sync now --wait` under a rule with these hooks; `$HOOK` stands for a script that notes its first
        /// argument, its variables and the number of snapshots there are, and ends with its second argument.
        private func withHooks(
            _ hooks: String,
            _ body: (_ stage: UsageStage, _ outcome: UsageSync, _ notes: [String], _ log: String) async throws -> Void
        ) async throws {
            try await UsageStage.with { stage in
                let image = try await stage.makeSource()
                let script = try stage.write(
                    "hook",
                    """
                    count=$(find '\(image.spec)' -path '*/snapshots/*.raw' | wc -l)
                    echo "$1 $RBD_FERRY_IMAGE $RBD_FERRY_SNAPSHOT ${RBD_FERRY_RESULT-none} $count" >> '\(stage.folder)/notes'
                    echo "words of $1" >&2
                    exit ${2:-0}
                    """)
                try stage.write("notes", "")
                let receiver = try await stage.startReceiver()
                let hooks = hooks.replacingOccurrences(of: "$HOOK", with: "/bin/bash, \(script)")
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\", \(hooks)}"]))
                let outcome = try await sender.sync("--wait")
                let notes = try String(contentsOfFile: "\(stage.folder)/notes", encoding: .utf8)
                try await body(
                    stage, outcome, notes.split(separator: "\n").map(String.init), sender.command.errors)
            }
        }

        @Test("run around it, and are told the image, the snapshot and how it went")
        func order() async throws {
            try await withHooks("before: {command: [$HOOK, before]}, after: {command: [$HOOK, after]}") {
                stage, outcome, notes, _ in
                #expect(outcome.status == 0, "\(outcome.errors)")
                let snapshot = try #require(try await stage.sourceImage().snapshotNames().first)
                let image = stage.prefix + "vm"
                #expect(notes == ["before \(image) \(snapshot) none 0", "after \(image) \(snapshot) made 1"])
            }
        }

        @Test("a fatal one that fails before: no snapshot, but what it froze thaws")
        func fatal() async throws {
            try await withHooks("before: {command: [$HOOK, before, 3]}, after: {command: [$HOOK, after]}") {
                stage, outcome, notes, _ in
                #expect(outcome.status == 75)
                let error = try #require(outcome.images.first?.error)
                #expect(error.contains("hook /bin/bash ended with exit status 3"))
                #expect(error.contains("words of before"))
                #expect(outcome.images.first?.remedy?.contains("run it by hand as the agent's user") == true)
                #expect(notes.map { $0.split(separator: " ").first } == ["before", "after"])
                #expect(notes.last?.hasSuffix(" failed 0") == true)
                let names = try await stage.sourceImage().snapshotNames()
                #expect(names.isEmpty)
            }
        }

        @Test("one that takes too long is stopped")
        func timeout() async throws {
            let began = ContinuousClock.now
            try await withHooks("before: {command: [sleep, \"600\"], timeout: 1s}") { stage, outcome, _, _ in
                #expect(outcome.status == 75)
                #expect(outcome.images.first?.error?.contains("hook sleep was stopped after 1 s") == true)
                #expect(outcome.images.first?.remedy?.contains("give it a longer timeout") == true)
                let names = try await stage.sourceImage().snapshotNames()
                #expect(names.isEmpty)
            }
            #expect(ContinuousClock.now - began < .seconds(30))
        }

        @Test("one that is not fatal is warned of, and the mirror gets its snapshot", arguments: ["before", "after"])
        func warning(phase: String) async throws {
            try await withHooks("\(phase): {command: [$HOOK, \(phase), 4], fatal: false}") {
                stage, outcome, notes, log in
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(notes.count == 1)
                try await stage.expectCurrent()
                let line = log.split(separator: "\n").first { $0.contains("the hook \(phase) the snapshot failed") }
                #expect(line?.lowercased().contains("warning") == true, "\(log)")
                #expect(line?.contains("exit status 4") == true)
            }
        }

        @Test("a program that does not exist stops the image: someone must act")
        func missing() async throws {
            try await withHooks("before: {command: [/nonexistent/freeze]}") { stage, outcome, _, _ in
                #expect(outcome.status == 1)
                #expect(outcome.images.first?.error?.contains("there is no such program") == true)
                let names = try await stage.sourceImage().snapshotNames()
                #expect(names.isEmpty)
            }
        }
    }
}
