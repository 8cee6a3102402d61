import Agent
import AgentConfiguration
import AgentLogging
import ArgumentParser
import Control
import Engine
import FerryCore
import Foundation
import ImageStore
import Logging
import Planning
import Reporting

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

    @Option(name: .long, help: "The sender's configuration file.")
    var config: String

    @Option(name: .long, help: "Send this snapshot instead of a new one.")
    var snapshot: String?

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Where no snapshot is on both ends any more, compare them and send only what differs.",
            discussion: "Also where the mirror is an image that others filled, if the receiver allows that."))
    var reconcile = false

    @Option(name: .long, help: "Sync to this peer only.")
    var peer: String?

    @Option(name: .long, help: "How many images go at once; without it, as many as the configuration says.")
    var parallel: Int?

    @Option(
        name: .long,
        help: "Send at most so many bytes per second, such as 20MiB or 200Mbit, or none; instead of the file's limit.")
    var limit: String?

    @Option(
        name: .long, help: "Read at most so many bytes per second from the store; instead of the file's read-limit.")
    var readLimit: String?

    @Option(name: .long, help: "End with code 75 when nothing moves for this many seconds.")
    var hangSeconds = 300

    @Flag(name: .long, help: "Wait until the agent's runs have ended; without an agent that is always so.")
    var wait = false

    @Flag(name: .long, help: "Do it here, also where an agent runs. Its lease on an image keeps us off, and ours it.")
    var noAgent = false

    @Option(name: .long, help: "End with code 124 when it is not done after this many seconds.")
    var timeout: Int?

    @Flag(
        name: .long,
        help: "Print how long each stage took, and what the bottleneck is; waits for an agent's runs, as --wait does.")
    var timing = false

    @Flag(name: .long, help: "Print one JSON document instead of lines.")
    var json = false

    @Flag(name: .shortAndLong, help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        guard (1...64).contains(parallel ?? 1) else { throw ValidationError("--parallel takes 1 to 64") }
        guard (10...86_400).contains(hangSeconds) else { throw ValidationError("--hang-seconds takes 10 to 86400") }
        guard (1...31_536_000).contains(timeout ?? 1) else { throw ValidationError("--timeout takes 1 to 31536000") }
        _ = try (Self.rateLimit(limit, "--limit"), Self.rateLimit(readLimit, "--read-limit"))
        guard snapshot != "" else { throw ValidationError("--snapshot takes a name") }
    }

    func run() async throws {
        var configuration = try SenderConfiguration(file: config)
        if let limit = try Self.rateLimit(limit, "--limit") { configuration.limit = limit }
        if let limit = try Self.rateLimit(readLimit, "--read-limit") { configuration.readLimit = limit }
        let peers = try selectedPeers(configuration)
        guard !images.isEmpty || !configuration.rules.rules.isEmpty else {
            throw ConfigurationError(
                file: config, line: 0, problem: "no images are listed, and none was named",
                remedy: "name images on the command line, or list patterns under images:")
        }
        if try await askAgent(configuration) { return }
        try await withTimeout(timeout) { [configuration] in try await runHere(configuration, peers) }
    }

    /// A limit of the command line; nil when it was not given.
    private static func rateLimit(_ text: String?, _ option: String) throws -> RateLimit? {
        guard let text else { return nil }
        guard text != "none" else { return RateLimit.none }
        do {
            return RateLimit(try ByteRate(text))
        } catch {
            throw ValidationError("\(option): \(error.problem.printable): \(error.remedy.printable), or none")
        }
    }

    /// Leaves it to the agent that runs here; false when none does.
    private func askAgent(_ configuration: SenderConfiguration) async throws -> Bool {
        guard snapshot == nil, !noAgent, let socketPath = configuration.control else { return false }
        if limit != nil || readLimit != nil {
            guard try await !AgentSync.isThere(socketPath) else { throw AgentHasLimits(file: config) }
            return false
        }
        let request = AgentSync(
            socketPath: socketPath,
            request: SyncRequest(images: images, peer: peer, reconciles: reconcile ? true : nil),
            isWaiting: wait || timing, timeout: timeout.map { .seconds($0) })
        guard let replies = try await request.run() else { return false }
        try AgentSyncReport(replies).finish(asJSON: json, isQuiet: quiet, withTiming: timing)
        return true
    }

    private func runHere(_ configuration: SenderConfiguration, _ peers: [SenderConfiguration.Peer]) async throws {
        try await HangWatch(limit: .seconds(hangSeconds)).watch { watch in
            let store = try await configuration.store.open()
            do {
                let names = try await selectedImages(configuration, store)
                let run = try SyncRun(
                    configuration: configuration, store: store, snapshot: snapshot, reconciles: reconcile,
                    parallelCount: parallel ?? configuration.parallelCount, logger: Self.logger)
                watch.follow { run.signs }
                let outcomes = await syncWithProgress(run, names, peers)
                await store.close()
                try finish(outcomes)
            } catch {
                await store.close()
                throw error
            }
        }
    }

    /// What is neither an image's outcome nor an error goes to standard error.
    private static var logger: Logger {
        var logger = AgentLog.make(format: .human, verbose: false)
        logger.logLevel = .warning
        return logger
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

    private func selectedPeers(_ configuration: SenderConfiguration) throws -> [SenderConfiguration.Peer] {
        guard let peer else { return configuration.peers }
        let selected = configuration.peers.filter { $0.name == peer }
        guard !selected.isEmpty else {
            throw ConfigurationError(
                file: config, line: 0, problem: "no peer named \(peer)",
                remedy: "there are: \(configuration.peers.map(\.name).joined(separator: ", "))")
        }
        return selected
    }

    private func syncWithProgress(
        _ run: SyncRun, _ names: [String], _ peers: [SenderConfiguration.Peer]
    ) async -> [ImageOutcome] {
        let display = ProgressDisplay(isShown: !quiet && !json)
        let count = peers.map { peer in names.count { run.sends($0, to: peer) } }.reduce(0, +)
        let progress = SyncProgress(imageCount: count)
        return await withTaskGroup(of: [ImageOutcome]?.self) { group in
            group.addTask {
                await display.run { progress.state(run.activities) }
                return nil
            }
            group.addTask {
                await run.run(images: names, peers: peers) { outcome in
                    progress.ended()
                    display.clear()
                    if !json {
                        SyncReport.print(outcome, isQuiet: quiet, withPeer: peers.count > 1, withTiming: timing)
                    }
                }
            }
            var outcomes: [ImageOutcome] = []
            for await part in group {
                guard let part else { continue }
                outcomes = part
                group.cancelAll()
            }
            return outcomes
        }
    }

    private func finish(_ outcomes: [ImageOutcome]) throws {
        if json { print(try SyncReport.json(outcomes)) }
        let failures = outcomes.compactMap { outcome -> Disposition? in
            guard case .failure(let error) = outcome.result else { return nil }
            guard !(error is CancellationError) else { return .temporary }
            return (error as? any Failure)?.disposition ?? .permanent
        }
        try ExitStatus.check(failures, of: outcomes.count)
    }
}

extension SyncRun {
    /// What tells whether its transfers move.
    fileprivate var signs: [String: HangWatch.Sign] {
        var signs: [String: HangWatch.Sign] = [:]
        for activity in activities {
            signs[activity.image] = HangWatch.Sign(activity.meter.counts)
        }
        return signs
    }
}

/// Limits were given for a run that the agent would make.
private struct AgentHasLimits: Failure {
    let file: String

    var disposition: Disposition { .usage }
    var cause: String { "an agent runs here, and goes by the limits of its configuration only" }
    var remedy: String { "change limit: in \(file) and send the agent SIGHUP, or do it here with --no-agent" }
}
