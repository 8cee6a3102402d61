import Foundation
import TestSupport

/// A command that was started. It is killed when it runs for longer than its limit, so no test waits for ever.
final class RunningCommand: Sendable {
    /// How a command ended.
    struct Outcome: Sendable {
        /// The exit status; the negative number of the signal that killed it.
        let status: Int32
        let output: String
        let errors: String
    }
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    var processID: Int32 { process.processID }
    private let process: ChildProcess
    private let files: CommandFiles
    private let end: Latch<Int32>
    private let name: String

    /// Starts a command. Its output and errors go to files, so that it never waits for a reader.
    init(_ program: String, _ arguments: [String], secondsMax: Int = 180) throws {
        name = ([program] + arguments).joined(separator: " ")
        let files = try CommandFiles()
        let end = Latch<Int32>()
        process = try ChildProcess(
            program, arguments, outputFile: files.output.path, errorFile: files.errors.path
        ) { status in end.open(status) }
        self.files = files
        self.end = end
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(secondsMax)) { [weak self] in
            self?.signal(SIGKILL)
        }
    }

    /// Starts `rbd-ferry`; as a debug build that dies at a kill point, when one is named.
    static func ferry(
        _ arguments: [String], killAt killPoint: String? = nil, secondsMax: Int = 180
    ) throws -> RunningCommand {
        guard let killPoint else { return try RunningCommand(FerryBinary.path, arguments, secondsMax: secondsMax) }
        return try RunningCommand(
            "env", ["RBD_FERRY_KILL_AT=\(killPoint)", FerryBinary.debugPath] + arguments, secondsMax: secondsMax)
    }

    deinit { signal(SIGKILL) }

    var isRunning: Bool { end.value == nil }

    /// What it has written so far.
    var output: String { (try? String(contentsOf: files.output, encoding: .utf8)) ?? "" }

    /// What it has written to its errors so far.
    var errors: String { (try? String(contentsOf: files.errors, encoding: .utf8)) ?? "" }

    /// Sends a signal, unless the command has ended.
    func signal(_ number: Int32) {
        process.signal(number)
    }

    /// Waits until it has ended.
    func outcome() async throws -> Outcome {
        let status = await end.wait()
        return Outcome(
            status: status, output: try String(contentsOf: files.output, encoding: .utf8), errors: errors)
    }

    /// Kills it as a power cut would, and waits until it is gone.
    func killNow() async {
        signal(SIGKILL)
        _ = await end.wait()
    }

    /// Runs a command to its end; what it wrote. Throws when its status is not 0.
    @discardableResult
    static func run(_ program: String, _ arguments: [String]) async throws -> String {
        let command = try RunningCommand(program, arguments)
        let outcome = try await command.outcome()
        guard outcome.status == 0 else {
            throw Failure(description: "\(command.name) ended with \(outcome.status): \(outcome.errors)")
        }
        return outcome.output
    }
}

/// The files that a command writes to; removed with the last reference.
private final class CommandFiles: Sendable {
    let output: URL
    let errors: URL

    init() throws {
        let folder = FileManager.default.temporaryDirectory
        let name = "rbd-ferry-test-\(UUID().uuidString)"
        output = folder.appendingPathComponent("\(name).out")
        errors = folder.appendingPathComponent("\(name).err")
        for file in [output, errors] { try Data().write(to: file) }
    }

    deinit {
        // Only a litter in the temporary folder is left if this fails.
        for file in [output, errors] { try? FileManager.default.removeItem(at: file) }
    }
}
