import FoundationEssentials
import Glibc
import Subprocess

/// One run of a hook's command.
struct HookRun: Sendable {
    private let program: String
    private let arguments: [String]
    private let environment: [String: String]
    private let timeout: Duration
    private let grace: Duration

    /// A run that is stopped after `timeout`, and whose processes may take `grace` to end when it is stopped.
    init(_ command: [String], environment: [String: String], timeout: Duration, grace: Duration) {
        program = command.first ?? ""
        arguments = Array(command.dropFirst())
        self.environment = environment
        self.timeout = timeout
        self.grace = grace
    }

    /// Runs the command to its end.
    func result() async throws(HookError) -> HookResult {
        guard !program.isEmpty else { throw HookError(program: program, problem: .notFound, result: nil) }
        guard !Task.isCancelled else { throw HookError(program: program, problem: .cancelled, result: nil) }
        let start = ContinuousClock.now
        let (outcome, isLate) = await endOrDeadline()
        let duration = ContinuousClock.now - start
        switch outcome {
        case .failure(let error): throw HookError(program: program, problem: problem(of: error), result: nil)
        case .success(let ending):
            let written = ending.written
            let result = HookResult(
                duration: duration, output: written.output.text, errorOutput: written.errorOutput.text)
            guard let problem = problem(of: ending, isLate: isLate) else { return result }
            throw HookError(program: program, problem: problem, result: result)
        }
    }

    /// How a command ended, and what it wrote.
    private struct Ending: Sendable {
        var status: TerminationStatus
        var written: Written
        /// Whether it ended after we had asked it to.
        var wasStopped: Bool
    }

    private struct Written: Sendable {
        var output: OutputTail
        var errorOutput: OutputTail
    }

    /// What can happen first.
    private enum Event: Sendable {
        case end(Result<Ending, any Error>)
        case deadline(hasPassed: Bool)
    }

    /// Runs the command; cancels that, as our own cancellation does, when the time is over.
    private func endOrDeadline() async -> (outcome: Result<Ending, any Error>, isLate: Bool) {
        await withTaskGroup(of: Event.self) { group in
            group.addTask { .end(await outcome()) }
            group.addTask { .deadline(hasPassed: (try? await Task.sleep(for: timeout)) != nil) }
            var isLate = false
            for await event in group {
                switch event {
                case .end(let outcome):
                    group.cancelAll()
                    return (outcome, isLate)
                case .deadline(let hasPassed):
                    isLate = hasPassed
                    if hasPassed { group.cancelAll() }
                }
            }
            preconditionFailure("one of the events is the end")
        }
    }

    private func outcome() async -> Result<Ending, any Error> {
        do {
            return .success(try await execute())
        } catch {
            return .failure(error)
        }
    }

    private func execute() async throws -> Ending {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: grace)]
        let added = environment.map { (Environment.Key(stringLiteral: $0.key), Optional($0.value)) }
        let ended = try await Subprocess.run(
            program.contains("/") ? .path(.init(program)) : .name(program), arguments: Arguments(arguments),
            environment: .inherit.updating(Dictionary(uniqueKeysWithValues: added)), platformOptions: options,
            input: .none, output: .sequence, error: .sequence
        ) { execution in
            let group = ProcessGroup(leader: execution.processIdentifier.value)
            // A task of its own, so that a cancelled command is listened to until it has ended.
            let written = try await Task {
                async let output = tail(of: execution.standardOutput, from: group)
                async let errorOutput = tail(of: execution.standardError, from: group)
                let written = try await Written(output: output, errorOutput: errorOutput)
                await group.leaderEnd()
                return written
            }.value
            let wasStopped = Task.isCancelled
            // The teardown is over when the leader has ended; others may be left.
            if wasStopped { await Task { await group.end(within: grace) }.value }
            return (written, wasStopped)
        }
        let (written, wasStopped) = ended.closureResult
        return Ending(status: ended.terminationStatus, written: written, wasStopped: wasStopped)
    }

    /// The end of what is written to a pipe until the leader has ended.
    private func tail(of pipe: SubprocessOutputSequence, from group: ProcessGroup) async throws -> OutputTail {
        var tail = OutputTail()
        var isLast = group.hasLeaderEnded
        for try await buffer in pipe {
            buffer.withUnsafeBytes { tail.append($0) }
            // A buffer takes all that is in a pipe; what others write after the leader's end may have no end.
            if isLast { break }
            isLast = group.hasLeaderEnded
        }
        return tail
    }

    /// What is wrong with an ending; nil when nothing is.
    private func problem(of ending: Ending, isLate: Bool) -> HookError.Problem? {
        if ending.wasStopped { return isLate ? .timedOut(afterSeconds: timeout.components.seconds) : .cancelled }
        switch ending.status {
        case .exited(0): return nil
        case .exited(let code): return .exited(code)
        case .signaled(let signal): return .signaled(signal)
        }
    }

    /// Why a command was not run, or not to its end.
    private func problem(of error: any Error) -> HookError.Problem {
        guard let error = error as? SubprocessError else { return .failed("\(error)") }
        if error.underlyingError?.rawValue == ENOEXEC { return .notExecutable }
        guard error.code == .executableNotFound else { return .failed("\(error)") }
        // It says so of programs without permission too.
        let isThere = program.contains("/") && FileManager.default.fileExists(atPath: program)
        return isThere ? .notExecutable : .notFound
    }
}
