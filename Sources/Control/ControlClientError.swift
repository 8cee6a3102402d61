public import FerryCore

/// Why an agent could not be asked, or did not do what it was asked. Paths are those of control sockets.
public enum ControlClientError: Failure, Hashable {
    /// No agent listens there.
    case noAgent(path: String)
    /// We may not open the socket.
    case notPermitted(path: String)
    /// The agent has not answered in time.
    case timedOut(path: String, after: Duration)
    /// The agent ended the connection before it had answered: it stops, or serves too many already.
    case cut(path: String)
    /// The connection failed.
    case failed(path: String, reason: String)
    /// What answered does not speak as an agent of this release does.
    case notUnderstood(path: String, reason: String)
    /// The agent refused, for this reason.
    case refused(cause: String, remedy: String, disposition: Disposition)
    /// The task was cancelled.
    case cancelled

    /// The agent's own when it refused.
    public var disposition: Disposition {
        switch self {
        case .noAgent, .cut, .failed, .cancelled: .temporary
        case .notPermitted: .unauthorized
        case .timedOut: .timedOut
        case .notUnderstood: .permanent
        case .refused(_, _, let disposition): disposition
        }
    }

    /// What happened, or what the agent said.
    public var cause: String {
        switch self {
        case .noAgent(let path): "no agent listens on \(path)"
        case .notPermitted(let path): "permission denied on the control socket \(path)"
        case .timedOut(let path, let after): "no answer through \(path) within \(after)"
        case .cut(let path): "the agent at \(path) closed the connection without an answer"
        case .failed(let path, let reason): "can't talk to the agent at \(path): \(reason)"
        case .notUnderstood(let path, let reason): "what answers at \(path) is not understood: \(reason)"
        case .refused(let cause, _, _): cause.printable
        case .cancelled: "cancelled"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .noAgent: "start the agent, or name its configuration with --config"
        case .notPermitted: "run this as root, or as a member of the group that the socket belongs to"
        case .timedOut: "what was asked for may still be under way: see `rbd-ferry status`"
        case .cut: "the agent may be stopping or have too many clients; its log has the reason"
        case .failed: "see that the agent runs, and its log"
        case .notUnderstood: "see that the agent and this program are of the same release"
        case .refused(_, let remedy, _): remedy.printable
        case .cancelled: ""
        }
    }
}
