import NIOCore
import NIOPosix
import OpenSSL

#if canImport(Glibc)
import Glibc
#endif

extension TransportError {
    /// For an attempt to connect that failed.
    init(connecting error: any Error, to target: HostAndPort) {
        switch error {
        case let error as TransportError: self = error
        case let error as NIOConnectionError:
            if let attempt = error.connectionErrors.first {
                self.init(attempt: attempt.error, address: attempt.target.shortDescription)
            } else {
                let reason = (error.dnsAError ?? error.dnsAAAAError).map { "\($0)" } ?? "no address"
                self = .unresolved(host: target.host, reason: reason)
            }
        default: self.init(attempt: error, address: target.description)
        }
    }

    private init(attempt error: any Error, address: String) {
        switch error {
        case let error as TransportError: self = error
        case let error as TLSError: self = .tls(address: address, error)
        case ChannelError.connectTimeout(let amount):
            self = .connectTimedOut(address: address, after: .nanoseconds(amount.nanoseconds))
        case let error as IOError where error.errnoCode == ECONNREFUSED: self = .refused(address: address)
        case let error as IOError where error.errnoCode == ETIMEDOUT:
            self = .unreachable(address: address, reason: "the system's connection attempt timed out")
        default: self = .unreachable(address: address, reason: Self.reason(error))
        }
    }

    /// For a connection that stood.
    init(ended error: any Error, address: String) {
        switch error {
        case let error as TransportError: self = error
        case TLSError.cut(duringHandshake: true): self = .closedDuringHandshake(address: address)
        case let error as TLSError:
            if case .cut = error {
                self = .cut(address: address, reason: "it ended without a goodbye")
            } else {
                self = .tls(address: address, error)
            }
        default: self = .cut(address: address, reason: Self.reason(error))
        }
    }

    /// The system's words for `error`.
    static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}

extension SocketAddress {
    /// `192.0.2.1:7440` or `[2001:db8::1]:7440`.
    var shortDescription: String {
        guard let host = ipAddress, let port else { return "\(self)" }
        return HostAndPort(host: host, port: port).description
    }

    /// Who counts as one where many connect: a host, or the network of 64 bits that an IPv6 host has to itself.
    var crowd: String {
        guard case .v6(let address) = self else { return ipAddress ?? "\(self)" }
        let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        // A host of the other protocol, as ::ffff:192.0.2.1, has all of its address at the end.
        let isMapped = bytes.prefix(12).elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
        return "\(isMapped ? bytes : Array(bytes.prefix(8)))"
    }
}
