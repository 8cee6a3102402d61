import ArgumentParser
import Control
import FerryCore
import Foundation
import Planning
import Reporting
import Threading

/// `rbd-ferry status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows how the agents of this host and their images are.",
        discussion: """
            Without --config and --control the sender and the receiver of this host are asked, whichever runs.

            --json prints the document that /api/status gives, one for each agent; with --watch, one a line.

            Exit codes: 0 the agent was asked; with --check also: nothing is wrong. 1 with --check: there is a \
            problem, or an image is stopped or late, or its mirror differs. 2 usage, or no image has such a name. 12 \
            the socket may not be opened. 75 no agent answers.
            """)

    @Argument(help: "Images by name or pattern; without any, all.")
    var images: [String] = []

    @OptionGroup var options: ControlOptions

    @Flag(name: .long, help: "Show it again every second; in a pipe every two.")
    var watch = false

    @Flag(name: .long, help: "Print JSON instead of a table.")
    var json = false

    @Flag(name: .long, help: "End with code 1 when there is a problem, or an image is stopped, late or in ALARM.")
    var check = false

    func validate() throws {
        guard !watch || !check else { throw ValidationError("--check goes without --watch") }
    }

    func run() async throws {
        let screen = StatusScreen(isRedrawn: watch && !json && isatty(STDOUT_FILENO) == 1)
        let paths = try options.socketPaths()
        let statuses = try await Self.ask(paths, images)
        try await screen.show(text(statuses))
        guard watch else {
            if check, statuses.contains(where: \.needsAttention) { throw ExitStatus.failed }
            return
        }
        while (try? await Task.sleep(for: .seconds(screen.isRedrawn ? 1 : 2))) != nil {
            do {
                try await screen.show(text(Self.ask(paths, images)))
            } catch let failure as any Failure where failure.disposition == .temporary && !(failure is OutputError) {
                // An agent that is started anew is what a watcher waits for.
                guard !Task.isCancelled else { return }
                try await screen.show(json ? "" : "\(failure.description)\n")
            }
        }
    }

    /// Asks all agents, in the order of `paths`. One that is not there is passed over when another one is.
    private static func ask(_ paths: [String], _ patterns: [String]) async throws -> [AgentStatus] {
        var statuses: [AgentStatus] = []
        var missing: [String] = []
        for path in paths {
            do {
                statuses.append(try await ControlClient(socketPath: path).status(patterns))
            } catch {
                guard case .noAgent = error else { throw error }
                missing.append(path)
            }
        }
        guard !statuses.isEmpty else { throw NoAgentError(paths: missing) }
        let names = statuses.flatMap { $0.images.map(\.image) }
        for pattern in patterns {
            guard names.contains(where: ImagePattern(pattern).matches) else {
                throw NoSuchImageError(pattern: pattern)
            }
        }
        return statuses
    }

    private func text(_ statuses: [AgentStatus]) throws -> String {
        guard json else {
            return statuses.map { StatusTable.lines($0).joined(separator: "\n") + "\n" }.joined(separator: "\n")
        }
        return try statuses.map { try (watch ? JSONDocument.line($0) : JSONDocument.text($0)) + "\n" }.joined()
    }
}

/// Where a status is shown: on a terminal over the one before, else below it.
private struct StatusScreen {
    let isRedrawn: Bool
    private let output = StandardOutput(BlockingThreads(count: 1))

    init(isRedrawn: Bool) {
        self.isRedrawn = isRedrawn
    }

    func show(_ text: String) async throws {
        try await output.write(isRedrawn ? Self.overwriting(text) : text)
        try await output.flush()
    }

    /// What fits, from the terminal's upper left corner on; each line and the screen below it is cleared.
    private static func overwriting(_ text: String) -> String {
        let size = terminalSize()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().prefix(size.rows - 1)
        return "\u{1B}[H" + lines.map { "\($0.prefix(size.columns))\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }

    /// Implements: int ioctl(int fd, unsigned long request, ...);
    private static func terminalSize() -> (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 1, size.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }
}

/// None of the sockets has an agent.
struct NoAgentError: Failure {
    let paths: [String]

    var disposition: Disposition { .temporary }
    var cause: String { "no agent listens on \(paths.joined(separator: " or "))" }
    var remedy: String { "start the agent, or name its configuration with --config" }
}

/// An image that no agent knows.
struct NoSuchImageError: Failure {
    let pattern: String

    var disposition: Disposition { .usage }
    var cause: String { "no image matches '\(pattern)'".printable }
    var remedy: String { "`rbd-ferry status` lists all images that the agent knows" }
}
