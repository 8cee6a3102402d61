import Foundation
import Testing

extension EndToEnd {
    @Suite("What happens to an import from outside", .serialized, .timeLimit(.minutes(3)))
    struct ImportInterferenceTests {
        private static let byteCount: UInt64 = 6 << 20
        private static let full = StreamBytes.v1.to("s1").size(byteCount).write(0, 4 << 20).end()
        private static let increment = StreamBytes.v1.from("s1").to("s2").size(byteCount * 2)
            .write(1 << 19, 4 << 20, seed: 2).zero(5 << 20, 1 << 20).write(8 << 20, 4 << 20, seed: 3).end()

        @Test(
            "killed in the middle of an increment: refused until told to bring the image back",
            arguments: StreamTarget.available)
        func killedIncrement(target: StreamTarget) async throws {
            try await withHeldImport(target, isIncrement: true) { stage, image, feeder in
                await feeder.killNow()
                try await importAgain(stage, image, stage.file("increment"))
                #expect(try await image.snapshotNames() == ["s1", "s2"])
                #expect(try await image.state() == expected(stage))
            }
        }

        @Test(
            "killed in the middle of a full copy: refused until told to bring the image back",
            arguments: StreamTarget.available)
        func killedFull(target: StreamTarget) async throws {
            try await withHeldImport(target, isIncrement: false) { stage, image, feeder in
                await feeder.killNow()
                try await importAgain(stage, image, stage.file("full"))
                try await image.ferryImport(stage.file("increment")).run()
                #expect(try await image.state() == expected(stage))
            }
        }

        @Test("a signal undoes it", arguments: StreamTarget.available, [true, false])
        func signal(target: StreamTarget, isIncrement: Bool) async throws {
            try await withHeldImport(target, isIncrement: isIncrement) { stage, image, feeder in
                feeder.signal(SIGTERM)
                let outcome = try await feeder.outcome()
                #expect(outcome.status == 128 + SIGTERM, "\(outcome.errors)")
                guard isIncrement else {
                    #expect(try await !image.exists())
                    return
                }
                let state = try await image.state()
                #expect(Array(state.snapshots.keys) == ["s1"] && state.head == state.snapshots["s1"])
                try await image.expectNoMarker("undone")
                try await image.ferryImport(stage.file("increment")).run()
                #expect(try await image.state() == expected(stage))
            }
        }

        @Test("another import meanwhile: 11, and it does no harm", arguments: StreamTarget.available)
        func another(target: StreamTarget) async throws {
            try await withHeldImport(target, isIncrement: true) { stage, image, feeder in
                let outcome = try await image.ferryImport(stage.file("increment")).outcome()
                #expect(outcome.status == 11, "\(outcome.errors)")
                try stage.write("go", [])
                #expect(try await feeder.outcome().status == 0)
                #expect(try await image.state() == expected(stage))
            }
        }

        @Test("a stream whose writer fails: undone", arguments: StreamTarget.available)
        func failingWriter(target: StreamTarget) async throws {
            try await withImage(target) { stage, image in
                let script = "{ head -c 3000000 \"$0\"; exit 3; } | \"$@\""
                let outcome = try await ShellCommand.bash(script, stage.file("increment"))
                    .appending(image.ferryImport()).outcome()
                #expect(outcome.status == 1, "\(outcome.errors)")
                let state = try await image.state()
                #expect(Array(state.snapshots.keys) == ["s1"] && state.head == state.snapshots["s1"])
            }
        }

        /// An image with `s1`, and the files `full` and `increment`.
        private func withImage(
            _ target: StreamTarget, isMade: Bool = true, _ body: (StreamStage, SiteImage) async throws -> Void
        ) async throws {
            try await StreamStage.with { stage in
                try stage.write("full", Self.full.bytes)
                try stage.write("increment", Self.increment.bytes)
                let image = try target.image(stage)
                if isMade { try await image.ferryImport(stage.file("full")).run() }
                try await body(stage, image)
            }
        }

        /// Lends an import that has written something and waits for the second half of its stream. The command is the
        /// import itself: signals reach it.
        private func withHeldImport(
            _ target: StreamTarget, isIncrement: Bool,
            _ body: (StreamStage, SiteImage, RunningCommand) async throws -> Void
        ) async throws {
            try await withImage(target, isMade: isIncrement) { stage, image in
                let zeros = ShellCommand.bash("head -c \"$0\" /dev/zero | sha256sum", "\(Self.byteCount)")
                let before = isIncrement ? try await image.digest(at: nil) : try await zeros.run()
                let file = stage.file(isIncrement ? "increment" : "full")
                let script = """
                    file=$0 go=$1 count=$2; shift 2; shift
                    exec "$@" < <(head -c "$count" "$file"; while [ -e "$file" ] && [ ! -e "$go" ]; do sleep 0.02; done
                    tail -c +$((count + 1)) "$file")
                    """
                let count = isIncrement ? "5000000" : "3000000"
                let command = ShellCommand.bash(script, file, stage.file("go"), count, "--")
                    .appending(image.ferryImport())
                // Counts for clients that come after it.
                try await forgetDeadClientsSoon(image)
                let running = try command.start()
                try await eventually("something is written") {
                    guard running.isRunning else { throw NeverHappened(description: "it ended: \(running.errors)") }
                    guard let head = try? await image.digest(at: nil) else { return false }
                    return head != before
                }
                try await body(stage, image, running)
            }
        }

        /// Makes a cluster notice killed clients sooner than after its 30 s; they say every 5 s that they live.
        private func forgetDeadClientsSoon(_ image: SiteImage) async throws {
            guard case .ceph(let cluster, _, _) = image.place else { return }
            try await cluster.ceph("config", "set", "osd", "osd_client_watch_timeout", "10")
        }

        /// Imports a file: refused and nothing touched, then with `--restore`. A cluster forgets a killed client only
        /// after a while.
        private func importAgain(_ stage: StreamStage, _ image: SiteImage, _ file: String) async throws {
            let left = try await image.digest(at: nil)
            var outcome = try await image.ferryImport(file).outcome()
            try await eventually("it is refused; the last one said: \(outcome.errors)", within: .seconds(60)) {
                guard [11, 75].contains(outcome.status) else { return true }
                outcome = try await image.ferryImport(file).outcome()
                return outcome.status == 5
            }
            #expect(outcome.status == 5 && outcome.errors.contains("--restore"), "\(outcome.errors)")
            #expect(try await image.digest(at: nil) == left)
            try await image.ferryImport(file, "--restore").run()
        }

        /// What both streams lead to, in a folder that nothing happened to.
        private func expected(_ stage: StreamStage) async throws -> ImageState {
            let image = stage.local("expected")
            for name in ["full", "increment"] { try await image.ferryImport(stage.file(name)).run() }
            return try await image.state()
        }
    }
}
