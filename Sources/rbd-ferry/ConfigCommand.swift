import ArgumentParser

/// `rbd-ferry config`
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Checks, shows and tries configuration files.",
        subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self, ConfigMatchCommand.self])
}
