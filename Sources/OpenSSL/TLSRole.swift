/// Which side of a TLS connection we are. The sender connects, the receiver listens.
public enum TLSRole: String, Sendable, Hashable {
    /// We connect.
    case client
    /// We are connected to.
    case server

    /// The side across.
    public var opposite: TLSRole { self == .client ? .server : .client }

    /// The extended key usage that a certificate of this side needs.
    public var extendedKeyUsage: String { self == .client ? "clientAuth" : "serverAuth" }

    /// OpenSSL's name for the purpose of such a certificate.
    var purpose: String { self == .client ? "ssl_client" : "ssl_server" }
}
