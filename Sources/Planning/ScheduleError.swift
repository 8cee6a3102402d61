public import FerryCore

/// A text that is no time span, no calendar event, no rate or no part of a limit's window.
public struct ScheduleError: Failure, Hashable {
    /// What is wrong with it, on one line.
    public let problem: String
    /// What can be written.
    public let remedy: String

    /// An error from its parts.
    public init(problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    /// The text must change.
    public var disposition: Disposition { .usage }
    /// What is wrong with the text.
    public var cause: String { problem }
}
