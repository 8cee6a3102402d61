import Foundation

/// A command whose standard output is read slowly: a thousand bytes, and the rest when the test says so.
struct HeldReader: Sendable {
    /// What came out of the command.
    let received: String
    private let gate: String
    private let process: RunningCommand

    /// Starts it.
    init(of command: ShellCommand, _ stage: StreamStage) throws {
        let name = "held-\(UUID().uuidString)"
        received = stage.file(name)
        gate = stage.file("\(name).go")
        let reader = ShellCommand.bash(
            "head -c 1000 > \"$0\"; while [ ! -e \"$1\" ]; do sleep 0.02; done; cat >> \"$0\"", received, gate)
        process = try ShellCommand.startPipe([command, reader])
    }

    /// Waits until the first bytes are through.
    func reached() async throws {
        try await eventually("the first bytes come") {
            guard process.isRunning else { throw NeverHappened(description: "it ended: \(process.errors)") }
            let attributes = try? FileManager.default.attributesOfItem(atPath: received)
            return (attributes?[.size] as? Int ?? 0) >= 1000
        }
    }

    /// Reads the rest; how both ended.
    func goOn() async throws -> ShellCommand.PipeOutcome {
        try Data().write(to: URL(fileURLWithPath: gate))
        return ShellCommand.PipeOutcome(try await process.outcome())
    }
}
