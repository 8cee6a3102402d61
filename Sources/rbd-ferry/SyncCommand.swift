import Agent
import AgentConfiguration
import ArgumentParser
import Control
import FerryCore
import ImageStore

/// `rbd-ferry sync`
struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Brings mirrors up to date.", subcommands: [SyncNowCommand.self])
}

/// `rbd-ferry sync now`
struct SyncNowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "now",
        abstract: "Brings the mirrors of images up to date, once.",
        discussion: """
            Takes a snapshot of each image (ferry-YYYYMMDDTHHMMSSZ), sends what changed since the newest snapshot \
            that both ends hold, and ends when the receiver has published the same snapshot. When it is \
            interrupted, by whatever, the same command goes on where it stopped.

            Where a sending agent runs, it is asked to do this at once, and a run that is under way is joined; --wait \
            then waits for the end. Without an agent, and with --snapshot, the command does it itself.

            Exit codes: 0 all done (or asked for), 1 failed for good, 2 usage or configuration, 3 some images done and \
            some not, 5 refused for safety, 11 locked, 12 not authenticated or not authorised, 75 temporary (run \
            again), 124 timed out (what is under way goes on, or is saved), 130/143 interrupted (state saved).
            """)

    @Argument(help: "Images by name or pattern; without any, those that the configuration lists.")
    var images: [String] = []

    @OptionGroup var options: PassOptions

    @Option(name: .long, help: "Send this snapshot instead of a new one.")
    var snapshot: String?

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Where no snapshot is on both ends any more, compare them and send only what differs.",
            discussion: "Also where the mirror is an image that others filled, if the receiver allows that."))
    var reconcile = false

    @Flag(name: .long, help: "Wait until the agent's runs have ended; without an agent that is always so.")
    var wait = false

    @Flag(name: .long, help: "Do it here, also where an agent runs. Its lease on an image keeps us off, and ours it.")
    var noAgent = false

    @Flag(
        name: .long,
        help: "Print how long each stage took, and what the bottleneck is; waits for an agent's runs, as --wait does.")
    var timing = false

    func validate() throws {
        guard snapshot != "" else { throw ValidationError("--snapshot takes a name") }
    }

    func run() async throws {
        let configuration = try options.configuration()
        let peers = try options.selectedPeers(configuration)
        try options.checkSelection(images, configuration)
        if try await askAgent(configuration) { return }
        try await withTimeout(options.timeout) { try await runHere(configuration, peers) }
    }

    /// Leaves it to the agent that runs here; false when none does.
    private func askAgent(_ configuration: SenderConfiguration) async throws -> Bool {
        guard snapshot == nil, !noAgent, let socketPath = configuration.agent.control else { return false }
        if options.limit != nil || options.readLimit != nil {
            guard try await !AgentSync.isThere(socketPath) else { throw AgentHasLimits(file: options.config) }
            return false
        }
        let request = AgentSync(
            socketPath: socketPath,
            request: SyncRequest(images: images, peer: options.peer, reconciles: reconcile ? true : nil),
            isWaiting: wait || timing, timeout: options.timeout.map { .seconds($0) })
        guard let replies = try await request.run() else { return false }
        try AgentSyncReport(replies).finish(asJSON: options.json, isQuiet: options.quiet, withTiming: timing)
        return true
    }

    private func runHere(_ configuration: SenderConfiguration, _ peers: [SenderConfiguration.Peer]) async throws {
        try await options.withStore(configuration) { store, watch in
            let names = try await selectedImages(configuration, store)
            let run = try SyncRun(
                configuration: configuration, store: store, snapshot: snapshot, reconciles: reconcile,
                parallelCount: options.parallel ?? configuration.parallelCount, logger: PassOptions.logger)
            watch.follow { run.activities.signs }
            let count = peers.map { peer in names.count { configuration.sends($0, to: peer) } }.reduce(0, +)
            let outcomes = await options.withProgress(of: count, activities: { run.activities }) { ended in
                await run.run(images: names, peers: peers) { outcome in
                    ended {
                        SyncReport.print(
                            outcome, isQuiet: options.quiet, withPeer: peers.count > 1, withTiming: timing)
                    }
                }
            }
            try finish(outcomes)
        }
    }

    private func selectedImages(
        _ configuration: SenderConfiguration, _ store: any ImageStore
    ) async throws -> [String] {
        let names = try await store.imageNames()
        guard images.isEmpty else {
            return try ImageSelection.named(images, by: configuration, of: names, location: store.location)
        }
        return try ImageSelection.ruled(by: configuration, of: names, location: store.location)
    }

    private func finish(_ outcomes: [ImageOutcome]) throws {
        if options.json { print(try SyncReport.json(outcomes)) }
        try ExitStatus.check(outcomes.compactMap(\.failure), of: outcomes.count)
    }
}

/// Limits were given for a run that the agent would make.
private struct AgentHasLimits: Failure {
    let file: String

    var disposition: Disposition { .usage }
    var cause: String { "an agent runs here, and goes by the limits of its configuration only" }
    var remedy: String { "change limit: in \(file) and send the agent SIGHUP, or do it here with --no-agent" }
}
