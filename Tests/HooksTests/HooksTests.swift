import FerryCore
import Foundation
import Testing

@testable import Hooks

/// Runs a shell's script, with arguments after its name.
private func shell(
    _ script: String, _ arguments: [String] = [], environment: [String: String] = [:],
    timeout: Duration = .seconds(60), grace: Duration = .seconds(60)
) -> HookRun {
    HookRun(
        ["/bin/sh", "-c", script, "sh"] + arguments, environment: environment, timeout: timeout, grace: grace)
}

private func failure(of run: HookRun) async -> HookError? {
    do {
        _ = try await run.result()
        return nil
    } catch {
        return error
    }
}

/// A folder for one test.
private func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "hooks-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
}

/// Waits up to ten seconds for a condition.
private func eventually(_ condition: () -> Bool) async -> Bool {
    for _ in 0..<1000 {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return condition()
}

/// Whether a process is there and no zombie: nobody may reap orphans here.
private func isAlive(_ processID: String) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8) else { return false }
    return !stat.contains(") Z ")
}

private func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

@Suite("Running hooks")
struct HookTests {
    @Test("a command gets its arguments as they are, our environment and the variables given")
    func argumentsAndEnvironment() async throws {
        let script = #"printf '%s|' "$1" "$2" "$IMAGE" "$HOME"; [ -n "$PATH" ] && echo path"#
        let run = shell(script, ["a  b", "$(x) *"], environment: ["IMAGE": "rbd/vm 1", "HOME": "/elsewhere"])
        let result = try await run.result()
        #expect(result.output == "a  b|$(x) *|rbd/vm 1|/elsewhere|path\n")
        #expect(result.errorOutput == "")
    }

    @Test("a command has nothing to read and a session of its own")
    func inputAndSession() async throws {
        let script = "cat; readlink /proc/$$/fd/0; read -r id name state parent group session rest < /proc/$$/stat"
        let result = try await shell(script + #"; [ "$session" = $$ ] && [ "$group" = $$ ] && echo own"#).result()
        #expect(result.output == "/dev/null\nown\n")
    }

    @Test("a program without a slash is looked up in PATH")
    func looksUp() async throws {
        let hook = Hook(command: ["echo", "here"], timeoutSeconds: 60, isFatal: true)
        let result = try await hook.run(environment: [:])
        #expect(result.output == "here\n")
        #expect(result.duration > .zero && result.duration < .seconds(60))
    }

    @Test("of much output the end is kept, all of it is read, and both streams at once")
    func boundedOutput() async throws {
        let result = try await shell("seq 100000; seq 300000 >&2; seq 7 9; echo end >&2").result()
        #expect(result.output.hasSuffix("\n99999\n100000\n7\n8\n9\n"))
        #expect(result.errorOutput.hasSuffix("\n300000\nend\n"))
        #expect(result.output.utf8.count == 4096)
        #expect(result.errorOutput.utf8.count == 4096)
    }

    @Test("what a command wrote just before its end is there, however much it was", arguments: 0..<10)
    func lastWords(round: Int) async throws {
        let result = try await shell("head -c 65536 /dev/zero; printf '%60000s' last").result()
        #expect(result.output.hasSuffix("   last"))
    }

    @Test("an exit status is an error with the last line of errors")
    func exitStatus() async throws {
        let error = await failure(of: shell("echo out; echo first >&2; printf 'no such\\033 vm\\n\\n' >&2; exit 3"))
        #expect(error?.problem == .exited(3))
        #expect(error?.cause == "hook /bin/sh ended with exit status 3, its last line: no such? vm")
        #expect(error?.result?.output == "out\n")
        #expect(error?.disposition == .temporary)
    }

    @Test("an exit status without a word on standard error shows the last line of output")
    func exitStatusWithoutErrors() async throws {
        #expect(await failure(of: shell("echo out; exit 1"))?.cause.hasSuffix("its last line: out") == true)
        #expect(await failure(of: shell("exit 1"))?.cause.hasSuffix("exit status 1, without a word") == true)
    }

    @Test("a signal that ended a command is named")
    func signal() async throws {
        let error = await failure(of: shell("kill -KILL $$"))
        #expect(error?.problem == .signaled(9))
        #expect(error?.cause == "hook /bin/sh was ended by signal 9 (Killed), without a word")
    }

    @Test("a program that is not there is not found, and no shell is asked for it")
    func notFound() async throws {
        for command in [["/nowhere/hook"], ["no-such-hook"], ["/bin/sh -c true"], [""], []] {
            let run = HookRun(command, environment: [:], timeout: .seconds(60), grace: .zero)
            let error = await failure(of: run)
            #expect(error?.problem == .notFound)
            #expect(error?.result == nil)
            #expect(error?.disposition == .permanent)
        }
    }

    @Test("a program that can't be executed says so, and not that it is missing")
    func notExecutable() async throws {
        try await withFolder { folder in
            let programs: [(name: String, text: String, mode: Int)] = [
                ("no-mode", "#!/bin/sh\n", 0o644), ("no-interpreter", "echo hello\n", 0o755),
                ("missing-interpreter", "#!/nowhere/sh\n", 0o755),
            ]
            var paths = [folder.path]
            for program in programs {
                let path = folder.appending(path: program.name).path
                let attributes = [FileAttributeKey.posixPermissions: program.mode]
                #expect(
                    FileManager.default.createFile(
                        atPath: path, contents: Data(program.text.utf8), attributes: attributes))
                paths.append(path)
            }
            for path in paths {
                let run = HookRun([path], environment: [:], timeout: .seconds(60), grace: .zero)
                let error = await failure(of: run)
                #expect(error?.problem == .notExecutable, "\(path)")
                #expect(error?.remedy.contains("interpreter") == true)
            }
        }
    }

    @Test("variables that no environment can hold are an error")
    func badVariable() async throws {
        let error = await failure(of: shell("true", environment: ["IMAGE": "a\0b"]))
        guard case .failed = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("many hooks run side by side")
    func manyAtOnce() async throws {
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<40 {
                group.addTask { try await shell("sleep 0.1; echo \(number)").result().output }
            }
            let outputs = try await group.reduce(into: Set<String>()) { $0.insert($1) }
            #expect(outputs.count == 40)
        }
    }
}

@Suite("Ending hooks")
struct HookEndTests {
    @Test("a command that takes too long is asked to end, and what it wrote is there")
    func timeout() async throws {
        let error = await failure(of: shell("echo begun; exec sleep 1000", timeout: .milliseconds(2500)))
        #expect(error?.problem == .timedOut(afterSeconds: 2))
        #expect(error?.cause == "hook /bin/sh was stopped after 2 s, its last line: begun")
        #expect(error?.result?.duration ?? .zero >= .milliseconds(2500))
    }

    @Test("a command that does not end when asked to is killed with all its processes")
    func kill() async throws {
        try await withFolder { folder in
            let script = "trap '' TERM; sleep 1000 & echo $$ $!; echo > \"$1/ready\"; wait"
            let error = await cancelled(shell(script, [folder.path], grace: .milliseconds(100)), once: folder)
            #expect(error?.problem == .cancelled)
            let ids = words(error?.result?.output ?? "")
            #expect(ids.count == 2)
            for id in ids { #expect(await eventually { !isAlive(id) }) }
        }
    }

    @Test("a timeout of nothing, and one beyond all clocks, do no harm")
    func oddTimeouts() async throws {
        for seconds in [0, -1, Int64.min] {
            let hook = Hook(command: ["/bin/sleep", "1000"], timeoutSeconds: seconds, isFatal: true)
            await #expect(throws: HookError.self) { try await hook.run(environment: [:]) }
        }
        let hook = Hook(command: ["/bin/true"], timeoutSeconds: .max, isFatal: true)
        _ = try await hook.run(environment: [:])
    }

    @Test("cancellation ends the command and its processes, also those that do not end when asked to")
    func cancellation() async throws {
        try await withFolder { folder in
            // The leader ends when asked to, its child does not.
            let child = "trap '' TERM; echo > \"$1/ready\"; while :; do sleep 0.05; done"
            let script = "(\(child)) & echo $!; while [ ! -e \"$1/ready\" ]; do sleep 0.01; done; exec sleep 1000"
            let error = await cancelled(shell(script, [folder.path], grace: .milliseconds(100)), once: folder)
            #expect(error?.problem == .cancelled)
            #expect(error?.result?.duration ?? .seconds(60) < .seconds(30))
            let id = words(error?.result?.output ?? "").first ?? ""
            #expect(!id.isEmpty)
            #expect(await eventually { !isAlive(id) })
        }
    }

    @Test("processes that a stopped command leaves behind have time to put things in order")
    func grace() async throws {
        try await withFolder { folder in
            let child = "trap 'sleep 0.3; echo > \"$1/thawed\"; exit' TERM; echo > \"$1/ready\""
            let wait = "while [ ! -e \"$1/ready\" ]; do sleep 0.01; done"
            let script = "(\(child); while :; do sleep 0.05; done) & \(wait); exec sleep 1000"
            let error = await cancelled(shell(script, [folder.path]), once: folder)
            #expect(error?.problem == .cancelled)
            #expect(FileManager.default.fileExists(atPath: folder.appending(path: "thawed").path))
            #expect(error?.result?.duration ?? .seconds(60) < .seconds(30))
        }
    }

    @Test("a stopped command is listened to until it has ended")
    func lastWords() async throws {
        try await withFolder { folder in
            let script = "trap 'seq 30000; echo bye; exit 0' TERM; echo > \"$1/ready\"; while :; do sleep 0.05; done"
            let error = await cancelled(shell(script, [folder.path]), once: folder)
            #expect(error?.problem == .cancelled)
            #expect(error?.result?.output.hasSuffix("\n30000\nbye\n") == true)
        }
    }

    @Test("a cancelled task starts no command")
    func cancelledBefore() async throws {
        try await withFolder { folder in
            let run = shell("echo > \"$1/begun\"", [folder.path])
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return await failure(of: run)
            }
            task.cancel()
            let error = await task.value
            #expect(error?.problem == .cancelled)
            #expect(error?.result == nil)
            #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "begun").path))
        }
    }

    @Test("a process left behind that keeps the output open does not hold up the end, and goes on")
    func leftBehind() async throws {
        let result = try await shell("sleep 1000 & echo $!").result()
        let id = words(result.output).first ?? ""
        #expect(isAlive(id))
        #expect(result.duration < .seconds(30))
        _ = try await shell("kill \(id)").result()
    }

    @Test("a process left behind that never stops writing does not hold up the end")
    func leftWriting() async throws {
        let result = try await shell("yes & echo $! >&2; sleep 0.1").result()
        #expect(result.duration < .seconds(30))
        let id = words(result.errorOutput).first ?? ""
        // Nobody reads from it any more.
        #expect(await eventually { !isAlive(id) })
    }

    @Test("a command that closes its output is still waited for, and still has only its time")
    func closedOutput() async throws {
        let quiet = "exec >/dev/null 2>&1;"
        let result = try await shell("\(quiet) sleep 0.3").result()
        #expect(result.duration >= .milliseconds(300))
        let error = await failure(of: shell("\(quiet) exec sleep 1000", timeout: .milliseconds(300)))
        #expect(error?.problem == .timedOut(afterSeconds: 0))
    }

    /// Runs until a file `ready` is in the folder, then cancels.
    private func cancelled(_ run: HookRun, once folder: URL) async -> HookError? {
        let task = Task { await failure(of: run) }
        let isReady = await eventually {
            FileManager.default.fileExists(atPath: folder.appending(path: "ready").path)
        }
        #expect(isReady)
        task.cancel()
        return await task.value
    }
}

@Suite("Parts of hooks")
struct HookPartTests {
    @Test("a cut text begins with a whole character; what is no UTF-8 is replaced")
    func tail() {
        var tail = OutputTail()
        let text = [UInt8](String(repeating: "€", count: 2000).utf8)
        text.withUnsafeBytes { tail.append($0) }
        #expect(tail.text == String(repeating: "€", count: 4096 / 3))
        var short = OutputTail()
        ([0x80, 0x41] as [UInt8]).withUnsafeBytes { short.append($0) }
        #expect(short.text == "\u{FFFD}A")
    }

    @Test("a process is known by its group, whatever its name is, and a zombie is none")
    func membership() {
        let group = ProcessGroup(leader: 42)
        func isMember(_ line: String) -> Bool { group.isLivingMember(Data(line.utf8)) }
        #expect(isMember("43 (sleep) S 42 42 42 0 -1"))
        #expect(isMember("43 (a) S 1 7) R 42 42 42 0 -1"))
        #expect(!isMember("43 (sleep) Z 42 42 42 0 -1"))
        #expect(!isMember("43 (sleep) S 42 43 42 0 -1"))
        #expect(!isMember("43 (sleep"))
        #expect(!isMember(""))
    }
}
