import Foundation

/// A running `rbd-ferry receiver`.
struct Receiver: Sendable {
    let command: RunningCommand
    /// Where it listens on 127.0.0.1.
    let port: Int

    /// Starts one and waits until it listens. It dies at the kill point, when one is named.
    static func start(configurationPath: String, killAt killPoint: String? = nil) async throws -> Receiver {
        let command = try RunningCommand.ferry(
            ["receiver", "--config", configurationPath], killAt: killPoint, secondsMax: 1800)
        var port: Int?
        try await eventually("the receiver listens") {
            port = listeningPort(in: command.errors)
            guard command.isRunning else { throw NeverHappened(description: "no receiver: \(command.errors)") }
            return port != nil
        }
        return Receiver(command: command, port: port ?? 0)
    }

    private static func listeningPort(in log: String) -> Int? {
        guard let found = log.range(of: "listening on 127.0.0.1:") else { return nil }
        let rest = log[found.upperBound...]
        guard let end = rest.firstIndex(of: ",") else { return nil }
        return Int(rest[..<end])
    }
}
