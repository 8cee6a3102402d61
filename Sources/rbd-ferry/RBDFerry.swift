import Agent
import AgentConfiguration
import ArgumentParser
import FerryCore
import Foundation

/// The command line. One file a command; this one holds what they share: parsing, exit codes, error text.
@main
struct RBDFerry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rbd-ferry",
        abstract: "Keeps RBD images equal between two sites.",
        version: AgentVersion.current,
        subcommands: [
            SyncCommand.self, VerifyCommand.self, SenderCommand.self, ReceiverCommand.self, StatusCommand.self,
            ConfigCommand.self,
            ExportCommand.self, ImportCommand.self, MergeCommand.self, ExtentsCommand.self, InspectCommand.self,
        ])

    static func main() async {
        tuneAllocator()
        keepStandardDescriptors()
        // A reader that goes away is an error with a cause, and what is held in a store must be let go of.
        _ = signal(SIGPIPE, SIG_IGN)
        let outcome = await runUntilSignal {
            let keeper = Task { await keepMemorySmall() }
            defer { keeper.cancel() }
            do {
                try await parseAndRun()
                return .success
            } catch {
                return report(error)
            }
        }
        Foundation.exit(outcome.code)
    }

    private static func parseAndRun() async throws {
        var command: any ParsableCommand
        do {
            command = try parseAsRoot()
        } catch {
            exitAfterParsing(error)
        }
        if var command = command as? any AsyncParsableCommand {
            try await command.run()
        } else {
            try command.run()
        }
    }

    /// Prints help or what is wrong with the command line, and ends.
    private static func exitAfterParsing(_ error: any Error) -> Never {
        let code = exitCode(for: error)
        guard code != .success else { exit(withError: error) }
        writeToStandardError(fullMessage(for: error))
        Foundation.exit(ExitStatus.usage.code)
    }

    /// Tells the user about an error; the status that goes with it.
    private static func report(_ error: any Error) -> ExitStatus {
        switch error {
        case let status as ExitStatus:
            return status
        case let error as ConfigurationFaults:
            for fault in error.faults { writeToStandardError("rbd-ferry: \(fault.cause)\n  \(fault.remedy)") }
            return ExitStatus(error.disposition)
        case let failure as any Failure:
            writeToStandardError("rbd-ferry: \(failure.cause)")
            if !failure.remedy.isEmpty { writeToStandardError("  \(failure.remedy)") }
            return ExitStatus(failure.disposition)
        case is CancellationError:
            writeToStandardError("rbd-ferry: interrupted")
            return .failed
        default:
            let code = exitCode(for: error)
            // Help is an error of the parser's too.
            guard code != .success else { exit(withError: error) }
            writeToStandardError("rbd-ferry: \(message(for: error))")
            return code == .validationFailure ? .usage : .failed
        }
    }
}

/// Opens what a caller closed of standard input, output and errors: otherwise the next file or connection would get
/// its number, and text that is meant for people.
///
/// Implements: int fcntl(int fd, int cmd, ...); int open(const char *pathname, int flags);
private func keepStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
        _ = open("/dev/null", O_RDWR)
    }
}

/// Writes a line to standard error.
func writeToStandardError(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
