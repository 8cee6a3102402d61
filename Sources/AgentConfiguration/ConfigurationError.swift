public import FerryCore

/// A fault in a configuration file, with its place.
public struct ConfigurationError: Failure, Equatable {
    /// The file.
    public let file: String
    /// Line, from 1; 0 when the fault has no line.
    public let line: Int
    /// What is wrong.
    public let problem: String
    /// What to do about it.
    public let remedy: String

    /// A fault from its parts.
    public init(file: String, line: Int, problem: String, remedy: String) {
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy
    }

    /// The configuration must change.
    public var disposition: Disposition { .usage }
    /// File and, when there is one, line.
    public var place: String { line > 0 ? "\(file):\(line)" : file }
    /// File, line and problem.
    public var cause: String { "\(place): \(problem)" }
}
