import FerryCore
import Foundation
import Logging

/// One line an event on standard error: time, level, message, then the details.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    private let label: String

    init(label: String) {
        self.label = label
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }
            .sorted { $0.key < $1.key }.map { " \($0.key)=\"\("\($0.value)".printable)\"" }.joined()
        let time = Date().formatted(.iso8601)
        writeToStandardError("\(time) \(event.level) \("\(event.message)".printable)\(details)")
    }
}
