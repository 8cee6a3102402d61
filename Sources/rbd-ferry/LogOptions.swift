public import AgentLogging
public import ArgumentParser
import Foundation
import Logging

/// What agents write to standard error.
struct LogOptions: ParsableArguments {
    @Option(name: .long, help: "human, journal or json. Default: journal where systemd reads along, else human.")
    var logFormat: LogFormat?

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    /// The process's logger.
    func makeLogger() -> Logger {
        let format = logFormat ?? .suiting(environment: ProcessInfo.processInfo.environment)
        return AgentLog.make(format: format, verbose: verbose)
    }
}

extension LogFormat: ExpressibleByArgument {}
