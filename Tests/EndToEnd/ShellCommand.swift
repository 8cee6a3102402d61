import Foundation

/// A command line, alone or in a pipe.
struct ShellCommand: Sendable {
    let words: [String]

    init(_ words: [String]) { self.words = words }

    /// `rbd-ferry`.
    static func ferry(_ words: String...) -> ShellCommand { ShellCommand([FerryBinary.path] + words) }

    /// A command with more words at its end.
    static func + (command: ShellCommand, more: [String]) -> ShellCommand { ShellCommand(command.words + more) }

    /// How commands that were joined by pipes ended.
    struct PipeOutcome: Sendable {
        /// The exit statuses, in the pipe's order.
        let statuses: [Int32]
        let errors: String

        var isGood: Bool { statuses.allSatisfy { $0 == 0 } }
    }

    /// A command with another one's words at its end.
    func appending(_ other: ShellCommand) -> ShellCommand { ShellCommand(words + other.words) }

    /// Runs it to its end.
    func outcome() async throws -> RunningCommand.Outcome { try await start().outcome() }

    /// Runs it to its end; what it wrote. Throws when its status is not 0.
    @discardableResult
    func run() async throws -> String { try await RunningCommand.run(words[0], Array(words.dropFirst())) }

    /// Starts it.
    func start() throws -> RunningCommand { try RunningCommand(words[0], Array(words.dropFirst())) }

    /// Starts commands whose standard output is the next one's input; what the last one prints is dropped.
    static func startPipe(_ commands: [ShellCommand]) throws -> RunningCommand {
        let line = commands.map(\.text).joined(separator: " | ")
        return try RunningCommand("bash", ["-c", "\(line) > /dev/null; echo ${PIPESTATUS[*]}"])
    }

    /// Runs commands whose standard output is the next one's input.
    static func pipe(_ commands: ShellCommand...) async throws -> PipeOutcome {
        try await PipeOutcome(startPipe(commands).outcome())
    }

    /// A script of bash, with arguments for `$0` and on.
    static func bash(_ script: String, _ arguments: String...) -> ShellCommand {
        ShellCommand(["bash", "-c", script] + arguments)
    }

    private var text: String {
        words.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }.joined(separator: " ")
    }
}

extension ShellCommand.PipeOutcome {
    init(_ outcome: RunningCommand.Outcome) {
        statuses = outcome.output.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        errors = outcome.errors
    }
}

extension SiteImage {
    /// As `rbd-ferry` names it.
    func ferrySpec(at snapshot: String? = nil) -> String {
        let end = snapshot.map { "@\($0)" } ?? ""
        return switch place {
        case .ceph: "ceph:\(spec)\(end)"
        case .directory: "dir:\(spec)\(end)"
        }
    }

    private var ferryOptions: [String] {
        guard case .ceph(let cluster, _, _) = place else { return [] }
        return ["--ceph-conf", cluster.confPath, "--ceph-user", "admin"]
    }

    /// `rbd-ferry export`
    func ferryExport(at snapshot: String? = nil, from base: String? = nil, _ more: String...) -> ShellCommand {
        let from = base.map { ["--from", $0] } ?? []
        return ShellCommand([FerryBinary.path, "export", ferrySpec(at: snapshot)] + from + ferryOptions + more)
    }

    /// `rbd-ferry extents`
    func ferryExtents(at snapshot: String? = nil, from base: String? = nil, _ more: String...) -> ShellCommand {
        let from = base.map { ["--from", $0] } ?? []
        return ShellCommand([FerryBinary.path, "extents", ferrySpec(at: snapshot)] + from + ferryOptions + more)
    }

    /// `rbd-ferry import`
    func ferryImport(_ file: String = "-", _ more: String...) -> ShellCommand {
        ShellCommand([FerryBinary.path, "import", file, ferrySpec()] + ferryOptions + more)
    }

    /// The stock `rbd`, with this image's cluster.
    func stock(_ words: String...) -> ShellCommand {
        guard case .ceph(let cluster, _, _) = place else { preconditionFailure("rbd knows no folders") }
        return ShellCommand(["rbd", "-c", cluster.confPath] + words)
    }

    /// `rbd export-diff`
    func stockExportDiff(at snapshot: String? = nil, from base: String? = nil, to file: String = "-") -> ShellCommand {
        stock("export-diff", "--no-progress") + (base.map { ["--from-snap", $0] } ?? [])
            + [spec + (snapshot.map { "@\($0)" } ?? ""), file]
    }

    /// `rbd import-diff`
    func stockImportDiff(_ file: String = "-") -> ShellCommand {
        stock("import-diff", "--no-progress", file, spec)
    }

    /// `rbd export --export-format 2`
    func stockExport(to file: String = "-") -> ShellCommand {
        stock("export", "--no-progress", "--export-format", "2", spec, file)
    }

    /// `rbd import --export-format 2`
    func stockImport(_ file: String = "-") -> ShellCommand {
        stock("import", "--no-progress", "--export-format", "2", file, spec)
    }
}
