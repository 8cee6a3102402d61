import Agent
import AgentConfiguration
import ArgumentParser
import Engine
import FerryCore
import Foundation
import Systemd

/// `rbd-ferry receiver`
struct ReceiverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receiver", abstract: "Takes images in from senders and keeps the mirrors.",
        discussion: """
            Runs until it gets SIGTERM or SIGINT; transfers under way may then go on for `stop-within`, a second signal \
            makes them checkpoint at once. SIGHUP reads the configuration again.
            """)

    @Option(name: .long, help: "The receiver's configuration file.")
    var config: String

    @OptionGroup var log: LogOptions

    func run() async throws {
        let configuration = try ReceiverConfiguration(file: config)
        let logger = log.makeLogger()
        let store = try await configuration.store.open()
        do {
            let agent = try await ReceiverAgent.start(configuration, file: config, store: store, logger: logger)
            let shell = AgentShell(
                notifier: Notifier(environment: ProcessInfo.processInfo.environment), logger: logger,
                settings: configuration.agent, defaultSocketPath: ReceiverConfiguration.controlPath)
            let place = "\(configuration.listen.host):\(agent.port), mirrors in \(store.location)"
            try await shell.run(
                AgentShell.Subject(
                    run: { ready in
                        logger.info("listening on \(place)")
                        ready()
                        await agent.run()
                    }, stop: { agent.stop() }, reload: { await agent.reload() }, control: agent,
                    signs: { agent.signs }))
        } catch {
            await store.close()
            throw error
        }
        await store.close()
        logger.info("stopped")
    }
}

extension ReceiverAgent {
    /// What tells whether transfers move. A sender that sends nothing is the session's to notice; what the store is at
    /// work on has to come to its end.
    fileprivate var signs: [String: HangWatch.Sign] {
        var signs: [String: HangWatch.Sign] = [:]
        for (mirror, meter) in activities {
            let counts = meter.counts
            signs[mirror] = HangWatch.Sign(
                counts: counts, isExcused: counts.phase == .sending && counts.blocksInStore == 0,
                isInLongCall: counts.phase == .publishing)
        }
        return signs
    }
}
