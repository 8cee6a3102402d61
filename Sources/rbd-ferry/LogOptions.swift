import ArgumentParser
import Logging

/// How an agent logs.
struct LogOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    /// The agent's log.
    var logger: Logger {
        var logger = Logger(label: "rbd-ferry") { StandardErrorLog(label: $0) }
        logger.logLevel = verbose ? .debug : .info
        return logger
    }
}
