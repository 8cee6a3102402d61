public import FerryCore

/// Where to connect to or listen: a host name or address, and a TCP port.
public struct HostAndPort: Sendable, Hashable, CustomStringConvertible {
    /// Host name, IPv4 address, or IPv6 address without brackets.
    public let host: String
    /// TCP port; 0 asks the system to choose one to listen on.
    public let port: Int

    /// From its parts. `port` is 0 to 65535.
    public init(host: String, port: Int) {
        precondition((0...65535).contains(port), "a port is 0 to 65535")
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[address]:port`.
    public init(parsing text: String) throws(HostAndPortError) {
        guard let colon = text.lastIndex(of: ":") else { throw HostAndPortError(text: text, reason: "it has no port") }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits) else {
            throw HostAndPortError(text: text, reason: "the port must be a number from 0 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw HostAndPortError(text: text, reason: "an IPv6 address goes into brackets")
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || "[]/\0".contains($0) }) else {
            throw HostAndPortError(text: text, reason: "the host is missing or malformed")
        }
        self.host = String(host)
        self.port = Int(port)
    }

    /// `host:port`, with brackets around IPv6 addresses.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Text that is no host and port.
public struct HostAndPortError: Failure, Hashable {
    /// What was given.
    public let text: String
    /// What is wrong with it.
    public let reason: String

    /// `usage`.
    public var disposition: Disposition { .usage }
    /// What was given, and what is wrong with it.
    public var cause: String { "'\(text)' is no address: \(reason)" }
    /// The forms that are taken.
    public var remedy: String { "write it as mirror.example:7440, 192.0.2.1:7440 or [2001:db8::1]:7440" }
}
