/// A text that is no time span or no calendar event.
public struct ScheduleError: Error, Hashable, Sendable {
    /// What is wrong with it, on one line.
    public let problem: String
    /// What can be written.
    public let remedy: String

    /// An error from its parts.
    public init(problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }
}
