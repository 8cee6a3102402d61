/// What can be done about an error; decides retries and exit codes.
public enum Disposition: String, Sendable, Codable {
    /// Trying again later makes sense: network, busy cluster, agent restarting.
    case temporary
    /// Trying again gives the same result.
    case permanent
    /// Going on could lose data; someone must decide.
    case refused
    /// Somebody else is at work on the same image.
    case locked
    /// A certificate, key or permission stands in the way.
    case unauthorized
    /// The command line or the configuration is wrong.
    case usage
    /// The two sides hold different data.
    case differs
    /// A deadline given by the user passed.
    case timedOut
}

/// An error that a user may meet: one line of cause, one of remedy.
public protocol Failure: Error, Sendable, CustomStringConvertible {
    /// What can be done about it.
    var disposition: Disposition { get }
    /// What happened, to what, with the numbers at hand. One line, no full stop.
    var cause: String { get }
    /// What the user can do. One line.
    var remedy: String { get }
}

extension Failure {
    /// Cause and remedy on two lines.
    public var description: String { remedy.isEmpty ? cause : "\(cause)\n\(remedy)" }
}

extension Error {
    /// What happened, on one line.
    public var oneLine: String {
        self is CancellationError ? "interrupted" : (self as? any Failure)?.cause ?? "\(self)"
    }
}
