import Glibc

/// A blocking TCP socket on 127.0.0.1, closed with its last reference.
final class LoopbackSocket: Sendable {
    /// The file descriptor.
    let descriptor: Int32

    private init(_ descriptor: Int32, _ call: StaticString) throws {
        guard descriptor >= 0 else { throw MeasurementError(call, Int(errno)) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Two sockets that are connected with each other.
    ///
    /// Implements: int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen); int accept(int sockfd, struct
    /// sockaddr *addr, socklen_t *addrlen);
    static func pair() throws -> (client: LoopbackSocket, server: LoopbackSocket) {
        let listener = try LoopbackSocket(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket")
        var address = try listener.listen()
        let client = try LoopbackSocket(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket")
        let connected = withSocketAddress(&address) { connect(client.descriptor, $0, $1.pointee) }
        guard connected == 0 else { throw MeasurementError("connect", Int(errno)) }
        let server = try LoopbackSocket(accept(listener.descriptor, nil, nil), "accept")
        try client.sendAtOnce()
        try server.sendAtOnce()
        return (client, server)
    }

    /// Implements: int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen); int listen(int sockfd, int
    /// backlog); int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
    private func listen() throws -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let isListening =
            Self.withSocketAddress(&address) { bind(descriptor, $0, $1.pointee) } == 0
            && Glibc.listen(descriptor, 1) == 0
            && Self.withSocketAddress(&address) { getsockname(descriptor, $0, $1) } == 0
        guard isListening else { throw MeasurementError("listen", Int(errno)) }
        return address
    }

    /// Implements: int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
    private func sendAtOnce() throws {
        var isOn: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, size) == 0 else {
            throw MeasurementError("setsockopt", Int(errno))
        }
    }

    private static func withSocketAddress(
        _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Int32 {
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &byteCount) }
        }
    }
}
