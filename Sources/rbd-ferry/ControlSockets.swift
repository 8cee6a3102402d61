import AgentConfiguration
import ArgumentParser
import Control
import FerryCore

/// Where the agents of this host are asked.
struct ControlOptions: ParsableArguments {
    /// Where agents listen unless their configuration says otherwise.
    static let defaultPaths = ["/run/rbd-ferry/sender.sock", "/run/rbd-ferry/receiver.sock"]

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
func controlSocketPath(config: String?) throws -> [String] {
    guard let config else { return ControlOptions.defaultPaths }
    do {
        _ = try SenderConfiguration(file: config)
        return [ControlOptions.defaultPaths[0]]
    } catch let senderFault {
        guard (try? ReceiverConfiguration(file: config)) != nil else { throw senderFault }
        return [ControlOptions.defaultPaths[1]]
    }
}
