import AgentConfiguration
import ArgumentParser
import Threading

/// `rbd-ferry config show`
struct ConfigShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints what a configuration puts in force, defaults included.",
        discussion: "What it prints is a configuration file itself.")

    @Argument(help: "A configuration file, of a sender or a receiver.")
    var file: String

    func run() async throws {
        let configuration = try AgentConfigurationFile(file: file)
        let output = StandardOutput(BlockingThreads(count: 1))
        try await output.write(configuration.yaml)
        try await output.flush()
    }
}
