public import FerryCore

/// Why an agent's server can't listen.
public enum ControlServerError: Failure, Hashable {
    /// The address is not to be had.
    case cannotListen(address: String, reason: String)
    /// The folder that the socket belongs in does not exist.
    case folderMissing(path: String)
    /// Another agent serves this socket.
    case locked(path: String)
    /// Something is there that is no socket.
    case notASocket(path: String)
    /// The system takes no socket's path of this length.
    case pathTooLong(path: String, byteCountMax: Int)
    /// The folder or the socket that is there belongs to others.
    case notPermitted(path: String, reason: String)

    /// Whether to change the configuration, stop the other agent, or give permission.
    public var disposition: Disposition {
        switch self {
        // What has the port may go, and an address may come up.
        case .cannotListen: .temporary
        case .folderMissing, .pathTooLong: .usage
        case .locked: .locked
        case .notASocket: .refused
        case .notPermitted: .unauthorized
        }
    }

    /// What happened, and where.
    public var cause: String {
        switch self {
        case .cannotListen(let address, let reason): "can't listen on \(address): \(reason)"
        case .folderMissing(let path): "the folder of the control socket \(path) does not exist"
        case .locked(let path): "another agent serves the control socket \(path)"
        case .notASocket(let path): "\(path) exists and is no socket"
        case .pathTooLong(let path, let byteCountMax):
            "the control socket's path has \(path.utf8.count) bytes, more than \(byteCountMax): \(path)"
        case .notPermitted(let path, let reason): "can't make the control socket \(path): \(reason)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .cannotListen: "check the address under status-listen: and whether something else uses the port"
        case .folderMissing: "make the folder, for the agent's user, or name another path under control:"
        case .locked: "stop the other agent, or give this one its own path under control:"
        case .notASocket: "remove it if nobody needs it, or name another path under control:"
        case .pathTooLong: "name a shorter path under control:"
        case .notPermitted: "give the agent's user the folder, or name another path under control:"
        }
    }
}
