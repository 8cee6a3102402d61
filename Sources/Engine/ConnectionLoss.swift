import SecureTransport

extension TransportError {
    /// Whether this only says that the connection is gone, not why.
    var isConnectionLoss: Bool {
        switch self {
        case .cut, .closed, .cancelled: true
        case .unresolved, .refused, .unreachable, .connectTimedOut, .handshakeTimedOut, .closedDuringHandshake,
            .crowdedOut, .cannotListen, .tls:
            false
        }
    }
}

extension Error {
    /// Whether this only says that the connection is gone, not why.
    var isConnectionLoss: Bool {
        if let error = self as? EngineError { return error == .connectionCut }
        if let error = self as? TransportError { return error.isConnectionLoss }
        return false
    }
}
