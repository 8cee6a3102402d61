public import OpenSSL

/// Paths of the PEM files that a side needs, as in the configuration.
public struct TLSFiles: Sendable, Hashable {
    /// The authority's certificate.
    public let authority: String
    /// Our certificate, with the chain to the authority after it if there is one.
    public let certificate: String
    /// The key of our certificate.
    public let key: String
    /// The authority's list of certificates that it has taken back (a CRL); nil when there is none.
    public let revoked: String?

    /// From the paths.
    public init(authority: String, certificate: String, key: String, revoked: String? = nil) {
        self.authority = authority
        self.certificate = certificate
        self.key = key
        self.revoked = revoked
    }

    /// Reads and checks the files for use as `role`.
    public func makeContext(role: TLSRole) throws(TLSFileError) -> TLSContext {
        try TLSContext(role: role, authority: authority, certificate: certificate, key: key, revoked: revoked)
    }

    /// All of them.
    public var paths: [String] { [authority, certificate, key] + (revoked.map { [$0] } ?? []) }
}
