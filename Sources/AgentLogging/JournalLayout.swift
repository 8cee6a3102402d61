import Logging

/// What journald takes on standard error: a priority, then the text. Source: sd-daemon(3).
struct JournalLayout: LogLayout {
    func line(_ entry: LogEntry) -> String { "<\(entry.level.journalPriority)>\(entry.text)" }
}

extension Logger.Level {
    /// As syslog(3) counts.
    fileprivate var journalPriority: Int {
        switch self {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}
