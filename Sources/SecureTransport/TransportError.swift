public import FerryCore
public import OpenSSL

/// Why a connection could not be made, or ended. Addresses are as the system prints them.
public enum TransportError: Failure, Hashable {
    /// The name could not be turned into an address.
    case unresolved(host: String, reason: String)
    /// Nobody listens there.
    case refused(address: String)
    /// No way to get there.
    case unreachable(address: String, reason: String)
    /// No answer to the connection attempt.
    case connectTimedOut(address: String, after: Duration)
    /// The peer did not finish the TLS handshake in time.
    case handshakeTimedOut(address: String, after: Duration)
    /// The peer closed the connection during the TLS handshake and gave no reason. A receiver with too many connections
    /// does so; a peer that refuses our certificate says so (`tls`).
    case closedDuringHandshake(address: String)
    /// A listener dropped it, as the oldest of too many whose peers had not shown a client's certificate.
    case crowdedOut
    /// The connection ended without the peer's goodbye.
    case cut(address: String, reason: String)
    /// We have closed the connection ourselves.
    case closed(address: String)
    /// The task was cancelled.
    case cancelled
    /// The address to listen on is not to be had.
    case cannotListen(address: String, reason: String)
    /// TLS failed: the peer's identity, ours, or the stream.
    case tls(address: String, TLSError)

    /// `temporary` for all that the network does; TLS decides for itself.
    public var disposition: Disposition {
        switch self {
        case .unresolved, .refused, .unreachable, .connectTimedOut, .handshakeTimedOut, .closedDuringHandshake,
            .crowdedOut, .cut, .closed, .cancelled, .cannotListen:
            .temporary
        case .tls(_, let error): error.disposition
        }
    }

    /// What happened, with whom.
    public var cause: String {
        switch self {
        case .unresolved(let host, let reason): "can't find the address of \(host): \(reason)"
        case .refused(let address): "\(address) refused the connection"
        case .unreachable(let address, let reason): "can't reach \(address): \(reason)"
        case .connectTimedOut(let address, let after): "no answer from \(address) within \(after)"
        case .handshakeTimedOut(let address, let after): "no TLS handshake with \(address) within \(after)"
        case .closedDuringHandshake(let address): "\(address) closed the connection during the TLS handshake"
        case .crowdedOut: "dropped for a newer one: too many connections whose peers have not said who they are"
        case .cut(let address, let reason): "the connection to \(address) was cut: \(reason)"
        case .closed(let address): "the connection to \(address) is closed"
        case .cancelled: "cancelled"
        case .cannotListen(let address, let reason): "can't listen on \(address): \(reason)"
        case .tls(let address, let error): "\(address): \(error.cause)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .unresolved: "check the host name and this host's resolver"
        case .refused: "check that the peer runs and the port is right"
        case .unreachable, .connectTimedOut: "check the network and the firewalls between the sites"
        case .handshakeTimedOut: "check that the peer is an rbd-ferry receiver and not overloaded"
        case .closedDuringHandshake: "the peer may have too many connections or be stopping; its log has the reason"
        case .crowdedOut: "find out who opens them; a firewall before the receiver keeps strangers out"
        case .cut: "the transfer goes on where it stopped with the next connection"
        case .closed, .cancelled: ""
        case .cannotListen: "check the address under listen: and whether something else uses the port"
        case .tls(_, let error): error.remedy
        }
    }
}
