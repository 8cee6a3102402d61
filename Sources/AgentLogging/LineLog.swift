import FoundationEssentials
import Logging

/// Turns events into lines.
struct LineLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let layout: any LogLayout
    private let write: @Sendable (String) -> Void

    init(layout: any LogLayout, logLevel: Logger.Level, write: @escaping @Sendable (String) -> Void) {
        self.layout = layout
        self.logLevel = logLevel
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var details = metadata.merging(event.metadata ?? [:]) { $1 }
        if let error = event.error { details["error"] = "\(error)" }
        write(
            layout.line(
                LogEntry(
                    time: Date(), level: event.level, message: "\(event.message)",
                    details: details.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") })))
    }
}

/// An event as layouts see it.
struct LogEntry: Sendable {
    let time: Date
    let level: Logger.Level
    let message: String
    /// The logger's metadata and the event's, by key.
    let details: [(key: String, value: String)]
}

/// How an event becomes a line. Whatever a peer or a name puts into an event must stay within its line.
protocol LogLayout: Sendable {
    func line(_ entry: LogEntry) -> String
}
