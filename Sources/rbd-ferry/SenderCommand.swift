import Agent
import AgentConfiguration
import ArgumentParser
import Engine
import FerryCore
import Foundation
import Logging
import Systemd

/// `rbd-ferry sender`
struct SenderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sender", abstract: "Keeps mirrors up to date by the schedules of its configuration.",
        discussion: """
            Runs until it gets SIGTERM or SIGINT; transfers under way may then go on for `stop-within`, a second signal \
            cuts them short. SIGHUP reads the configuration again. It says how it is on its control socket and its \
            status address: see `rbd-ferry status`.
            """)

    @Option(name: .long, help: "The sender's configuration file.")
    var config: String

    @OptionGroup var log: LogOptions

    func run() async throws {
        let configuration = try SenderConfiguration(file: config)
        let logger = log.makeLogger()
        let store = try await configuration.store.open()
        do {
            let agent = try SenderAgent(configuration, file: config, store: store, logger: logger)
            let shell = AgentShell(
                notifier: Notifier(environment: ProcessInfo.processInfo.environment), logger: logger,
                settings: configuration.agent, defaultSocketPath: SenderConfiguration.controlPath)
            try await shell.run(subject(agent, configuration, store.location, logger))
        } catch {
            await store.close()
            throw error
        }
        await store.close()
        logger.info("stopped")
    }

    private func subject(
        _ agent: SenderAgent, _ configuration: SenderConfiguration, _ location: String, _ logger: Logger
    ) -> AgentShell.Subject {
        AgentShell.Subject(
            run: { ready in
                await agent.run {
                    logger.info(
                        "sending from \(location) to \(configuration.peers.map(\.name).joined(separator: ", "))")
                    ready()
                }
            }, stop: { agent.stop() }, reload: { await agent.reload() }, control: agent,
            signs: {
                var signs: [String: HangWatch.Sign] = [:]
                for (image, peer, meter) in agent.activities {
                    signs["\(image) to \(peer)"] = HangWatch.Sign(meter.counts)
                }
                if let since = agent.scanningSince { signs["listing images"] = HangWatch.Sign(counts: since) }
                return signs
            })
    }
}

extension HangWatch.Sign {
    /// What tells whether a sender's transfer moves.
    init(_ counts: TransferMeter.Counts) {
        // While the receiver decides or publishes, its heartbeat and its own deadlines count.
        let waits = [.offering, .publishing, .waiting].contains(counts.phase) || counts.waitsForOthers
        self.init(
            counts: counts, isExcused: waits, isInLongCall: counts.phase == .snapshotting || counts.phase == .pruning)
    }
}
