import Control
import Foundation
import Reporting

/// A running `rbd-ferry sender`.
struct Sender: Sendable {
    let command: RunningCommand
    private let socketPath: String

    /// Starts one and waits until it has looked through its store.
    static func start(configurationPath: String, socketPath: String) async throws -> Sender {
        let command = try RunningCommand(
            FerryBinary.path, ["sender", "--config", configurationPath], secondsMax: 1800)
        try await eventually("the sender works") {
            guard command.isRunning else { throw NeverHappened(description: "no sender: \(command.errors)") }
            return command.errors.contains("sending from ")
        }
        return Sender(command: command, socketPath: socketPath)
    }

    /// How it is.
    func status() async throws -> AgentStatus { try await ControlClient(socketPath: socketPath).status() }

    /// How an image is.
    func image(_ name: String) async throws -> ImageStatus? {
        try await status().images.first { $0.image == name }
    }

    /// Asks it to end, and waits for that.
    func stop() async throws -> RunningCommand.Outcome {
        command.signal(SIGTERM)
        return try await command.outcome()
    }
}

/// What a test puts into the configuration of a sending agent.
struct SenderAgentSettings: Sendable {
    /// The keys of the only rule, which is about all images of the stage: `every: 1s, keep: all`.
    var rule: String
    var stopWithin = "20s"
    /// Where the receiver is; nil: where it listens.
    var port: Int?
    /// Of the files that are the agent's own.
    var name = "sender"
}

extension Stage {
    /// Starts a sending agent for all images of the stage; one that was killed before, again.
    func startSender(_ settings: SenderAgentSettings) async throws -> Sender {
        let socketPath = "\(folder)/\(settings.name).sock"
        let more = """
            images:
              - {match: "\(prefix)*", \(settings.rule)}
            scan-every: 1s
            stop-within: \(settings.stopWithin)
            control: \(socketPath)
            status-listen: none
            """
        let text = SenderSettings(port: try settings.port ?? receiver.port, more: more).text(source, certificates)
        let path = try write("\(settings.name).yaml", text)
        return try await Sender.start(configurationPath: path, socketPath: socketPath)
    }

    /// Kills the receiver and starts it again where it was, so that agents find it there.
    func restartReceiver(keep: String = "all", after pause: Duration = .zero) async throws {
        let port = try receiver.port
        await killReceiver()
        // Time in which nobody answers is what is tried.
        if pause > .zero { try await Task.sleep(for: pause) }
        try await startReceiver(keep: keep, port: port)
    }

    /// How the receiver is.
    func receiverStatus() async throws -> AgentStatus {
        try await ControlClient(socketPath: receiverSocketPath).status()
    }
}
