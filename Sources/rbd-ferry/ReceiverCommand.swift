import Agent
import AgentConfiguration
import ArgumentParser

/// `rbd-ferry receiver`
struct ReceiverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receiver", abstract: "Takes images in from senders and keeps the mirrors.")

    @Option(name: .long, help: "The receiver's configuration file.")
    var config: String

    @OptionGroup var log: LogOptions

    func run() async throws {
        let configuration = try ReceiverConfiguration(file: config)
        let logger = log.makeLogger()
        let store = try await configuration.store.open()
        do {
            let agent = try await ReceiverAgent.start(configuration, store: store, logger: logger)
            logger.info("listening on \(configuration.listen.host):\(agent.port), mirrors in \(store.location)")
            await agent.run()
        } catch {
            await store.close()
            throw error
        }
        await store.close()
        logger.info("stopped")
    }
}
