public import Logging

/// The agents' log, on standard error.
public enum AgentLog {
    /// A logger for a whole process.
    ///
    /// - Parameters:
    ///   - format: How lines look.
    ///   - verbose: Whether debug messages are written too.
    ///   - write: Takes a line, without its end; from any thread.
    public static func make(
        format: LogFormat, verbose: Bool, write: @escaping @Sendable (String) -> Void = StandardError.write
    ) -> Logger {
        let layout: any LogLayout =
            switch format {
            case .human: HumanLayout()
            case .journal: JournalLayout()
            case .json: JSONLayout()
            }
        return Logger(label: "rbd-ferry") { _ in
            LineLog(layout: layout, logLevel: verbose ? .debug : .info, write: write)
        }
    }
}
