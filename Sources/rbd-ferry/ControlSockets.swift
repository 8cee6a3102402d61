import AgentConfiguration
import ArgumentParser
import Control
import FerryCore

/// Where the agents of this host are asked.
struct ControlOptions: ParsableArguments {
    /// Where agents listen unless their configuration says otherwise.
    static let defaultPaths = [SenderConfiguration.controlPath, ReceiverConfiguration.controlPath]

    @Option(name: .long, help: "The agent's configuration file; it names the control socket.")
    var config: String?

    @Option(name: .long, help: "The agent's control socket, instead of the one that a configuration names.")
    var control: String?

    /// The sockets to ask: the one that is named, the configuration's, or those of both agents.
    func socketPaths() throws -> [String] {
        if let control { return [control] }
        return try controlSocketPath(config: config)
    }
}

/// The control socket that a configuration names; without one, where a sender and a receiver listen by default.
private func controlSocketPath(config: String?) throws -> [String] {
    guard let config else { return ControlOptions.defaultPaths }
    let path =
        switch try AgentConfigurationFile(file: config) {
        case .sender(let configuration): configuration.agent.control
        case .receiver(let configuration): configuration.agent.control
        }
    guard let path else {
        throw ConfigurationError(
            file: config, line: 0, problem: "the agent has no control socket (control: none)",
            remedy: "name a path under control:, and restart the agent")
    }
    return [path]
}
