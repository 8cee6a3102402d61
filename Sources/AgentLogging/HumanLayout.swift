import FerryCore
import FoundationEssentials

/// Time, level, message, then the details.
struct HumanLayout: LogLayout {
    func line(_ entry: LogEntry) -> String {
        "\(entry.time.formatted(.iso8601)) \(entry.level) \(entry.text)"
    }
}

extension LogEntry {
    /// The message and the details as text for people.
    var text: String {
        message.printable + details.map { " \($0.key.printable)=\"\($0.value.printable)\"" }.joined()
    }
}
