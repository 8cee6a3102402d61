import Systemd

/// How log lines look.
public enum LogFormat: String, CaseIterable, Sendable {
    /// Time, level, message, details: for people.
    case human
    /// Message and details behind systemd's priority prefix; the journal knows the time. Source: sd-daemon(3).
    case journal
    /// One JSON object a line, with stable names.
    case json

    /// The one that suits where standard error goes.
    public static func suiting(environment: [String: String]) -> LogFormat {
        JournalStream.isBehindStandardError(environment: environment) ? .journal : .human
    }
}
