import Agent
import AgentConfiguration
import AgentLogging
import ArgumentParser
import FerryCore
import Foundation
import ImageStore
import Logging
import Planning

/// What commands share that do something with many images once.
struct PassOptions: ParsableArguments {
    @Option(name: .long, help: "The sender's configuration file.")
    var config: String

    @Option(name: .long, help: "This peer only.")
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

    @Option(name: .long, help: "End with code 124 when it is not done after this many seconds.")
    var timeout: Int?

    @Flag(name: .long, help: "Print one JSON document instead of lines.")
    var json = false

    @Flag(name: .shortAndLong, help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        guard (1...64).contains(parallel ?? 1) else { throw ValidationError("--parallel takes 1 to 64") }
        guard (10...86_400).contains(hangSeconds) else { throw ValidationError("--hang-seconds takes 10 to 86400") }
        guard (1...31_536_000).contains(timeout ?? 1) else { throw ValidationError("--timeout takes 1 to 31536000") }
        _ = try (Self.rateLimit(limit, "--limit"), Self.rateLimit(readLimit, "--read-limit"))
    }

    /// The file's configuration, with the command line's limits.
    func configuration() throws -> SenderConfiguration {
        var configuration = try SenderConfiguration(file: config)
        if let limit = try Self.rateLimit(limit, "--limit") { configuration.limit = limit }
        if let limit = try Self.rateLimit(readLimit, "--read-limit") { configuration.readLimit = limit }
        return configuration
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

    /// The peers that this is about.
    func selectedPeers(_ configuration: SenderConfiguration) throws -> [SenderConfiguration.Peer] {
        guard let peer else { return configuration.peers }
        let selected = configuration.peers.filter { $0.name == peer }
        guard !selected.isEmpty else {
            throw ConfigurationError(
                file: config, line: 0, problem: "no peer named \(peer)",
                remedy: "there are: \(configuration.peers.map(\.name).joined(separator: ", "))")
        }
        return selected
    }

    /// Throws when neither the command line nor the configuration names an image.
    func checkSelection(_ images: [String], _ configuration: SenderConfiguration) throws {
        guard !images.isEmpty || !configuration.rules.rules.isEmpty else {
            throw ConfigurationError(
                file: config, line: 0, problem: "no images are listed, and none was named",
                remedy: "name images on the command line, or list patterns under images:")
        }
    }

    /// What is neither an image's outcome nor an error goes to standard error.
    static var logger: Logger {
        var logger = AgentLog.make(format: .human, verbose: false)
        logger.logLevel = .warning
        return logger
    }

    /// Lends the store to `body`, and ends the process when nothing moves.
    func withStore(
        _ configuration: SenderConfiguration,
        _ body: @escaping @Sendable (any ImageStore, HangWatch) async throws -> Void
    ) async throws {
        try await HangWatch(limit: .seconds(hangSeconds)).watch { watch in
            let store = try await configuration.store.open()
            do {
                try await body(store, watch)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    /// Runs `body` with a progress line below it. `body` gets what it calls for each image that ended, with the printing
    /// of its outcome.
    func withProgress<Outcome: Sendable>(
        of count: Int, activities: @escaping @Sendable () -> [PassActivity],
        _ body: @escaping @Sendable (@escaping @Sendable (() -> Void) -> Void) async -> [Outcome]
    ) async -> [Outcome] {
        let display = ProgressDisplay(isShown: !quiet && !json)
        let progress = PassProgress(imageCount: count)
        return await withTaskGroup(of: [Outcome]?.self) { group in
            group.addTask {
                await display.run { progress.state(activities()) }
                return nil
            }
            group.addTask {
                await body { printing in
                    progress.ended()
                    display.clear()
                    if !json { printing() }
                }
            }
            var outcomes: [Outcome] = []
            for await part in group {
                guard let part else { continue }
                outcomes = part
                group.cancelAll()
            }
            return outcomes
        }
    }
}

extension [PassActivity] {
    /// What tells whether they move.
    var signs: [String: HangWatch.Sign] {
        var signs: [String: HangWatch.Sign] = [:]
        for activity in self { signs[activity.image] = HangWatch.Sign(activity.meter.counts) }
        return signs
    }
}

/// A failure in words: for JSON what kind it is, its cause and its remedy.
struct FailureWords {
    let result: String
    let error: String
    let remedy: String?

    init(_ failure: any Error) {
        if let failure = failure as? any Failure {
            (result, error, remedy) = (failure.disposition.rawValue, failure.cause, failure.remedy)
        } else {
            (result, error, remedy) = (failure is CancellationError ? "interrupted" : "permanent", "\(failure)", nil)
        }
    }

    /// Tells people of the failure of what is called `name`; what was interrupted, `subject`, goes on where it stopped.
    static func tell(_ error: any Error, of name: String, interrupted subject: String) {
        writeToStandardError("\(name): \(error.oneLine)")
        let isCancelled = error is CancellationError
        let remedy =
            isCancelled ? "run again; \(subject) goes on where it stopped" : (error as? any Failure)?.remedy ?? ""
        if !remedy.isEmpty { writeToStandardError("  \(remedy)") }
    }
}

extension PassOutcome {
    /// What can be done about its failure; nil when it is none.
    var failure: Disposition? {
        guard case .failure(let error) = result else { return nil }
        guard !(error is CancellationError) else { return .temporary }
        return (error as? any Failure)?.disposition ?? .permanent
    }
}
