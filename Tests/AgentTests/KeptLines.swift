import Logging
import Synchronization

/// A log that keeps its lines.
struct KeptLines: LogHandler {
    private final class Store: Sendable {
        let lines = Mutex<[String]>([])
    }
    private let store = Store()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        store.lines.withLock { $0.append("\(event.level): \(event.message)") }
    }

    /// What was logged since this was asked last.
    func taken() -> [String] {
        store.lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
