import Glibc

/// A datagram socket that reaches the service manager.
///
/// Thread rule: the number never changes, and each datagram is one call: any number of threads may send at once.
final class NotifySocket: Sendable {
    /// Where it sends: a path, or `@` and a name in the abstract namespace.
    let address: String
    private let raw: CInt
    private let target: sockaddr_un
    private let targetByteCount: socklen_t

    /// Implements: int socket(int domain, int type, int protocol);
    init(address: String) throws(NotifyFailure) {
        self.address = address
        (target, targetByteCount) = try Self.target(address)
        raw = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw NotifyFailure(address: address, number: errno) }
    }

    deinit { _ = close(raw) }

    /// Sends one datagram; never waits. Implements: ssize_t sendto(int sockfd, const void *buf, size_t len, int flags,
    /// const struct sockaddr *dest_addr, socklen_t addrlen);
    func send(_ text: String) throws(NotifyFailure) {
        let bytes = Array(text.utf8)
        let sent = withUnsafePointer(to: target) { target in
            target.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                sendto(raw, bytes, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL), target, targetByteCount)
            }
        }
        guard sent == bytes.count else { throw NotifyFailure(address: address, number: sent < 0 ? errno : EMSGSIZE) }
    }

    /// The address as the kernel takes it. Source: unix(7).
    private static func target(_ address: String) throws(NotifyFailure) -> (sockaddr_un, socklen_t) {
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = address.hasPrefix("@")
        guard isAbstract || address.hasPrefix("/"), address.utf8.count > 1, !address.utf8.contains(0) else {
            throw NotifyFailure(address: address, number: EAFNOSUPPORT)
        }
        // A path ends with a zero byte; an abstract name begins with one, and its length counts.
        let name = isAbstract ? [0] + Array(address.utf8.dropFirst()) : Array(address.utf8) + [0]
        guard name.count <= MemoryLayout.size(ofValue: target.sun_path) else {
            throw NotifyFailure(address: address, number: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: name) }
        let nameOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? MemoryLayout<sa_family_t>.size
        return (target, socklen_t(nameOffset + name.count))
    }
}
