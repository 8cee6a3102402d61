import COpenSSL

/// What all TLS connections of one side share: our certificate and key, the authority, and the rules. TLS 1.3 only, a
/// certificate is asked of every peer, and no session is ever resumed, so every connection checks its peer anew.
///
/// Thread rule (why `@unchecked Sendable` holds): the context is set up in `init` and never changed after. OpenSSL lets
/// threads make connections from one `SSL_CTX` at the same time as long as nobody configures it (openssl-threads(7)).
/// A context made anew from the files takes up renewed certificates; connections keep the one they began with.
public final class TLSContext: @unchecked Sendable {
    /// Which side we are.
    public let role: TLSRole
    /// Names in our own certificate.
    public let identities: [String]
    /// Last second of validity of our own certificate, counted from 1970.
    public let certificateNotAfter: Int64
    /// Last second of validity of our list of revoked certificates, counted from 1970; nil when there is none.
    public let revokedNotAfter: Int64?
    private let raw: OpaquePointer

    /// Reads and checks three PEM files: the authority's certificates, our certificate (with the chain to the authority
    /// after it, if there is one), and its key. `revoked` is a file with the authority's list of certificates that it has
    /// taken back; with it, no peer is let in whose certificate is on the list, or whose issuer has no valid list there.
    ///
    /// - Throws: `TLSFileError`, which names the file at fault.
    ///
    /// Implements: SSL_CTX *SSL_CTX_new(const SSL_METHOD *meth);
    public init(
        role: TLSRole, authority: String, certificate: String, key: String, revoked: String? = nil
    ) throws(TLSFileError) {
        let own = try OwnCertificate(
            role: role, authority: authority, certificate: certificate, key: key, revoked: revoked)
        LibraryErrors.clear()
        guard let raw = SSL_CTX_new(role == .client ? TLS_client_method() : TLS_server_method()) else {
            throw .library(call: "SSL_CTX_new", reason: LibraryErrors.take().text)
        }
        self.role = role
        self.raw = raw
        identities = own.summary.names
        certificateNotAfter = own.summary.notAfter
        revokedNotAfter = own.revoked?.notAfter
        try setRules()
        try install(own, certificate: certificate, key: key)
    }

    /// Implements: void SSL_CTX_free(SSL_CTX *ctx);
    deinit { SSL_CTX_free(raw) }

    /// Implements: void SSL_CTX_set_verify(SSL_CTX *ctx, int mode, SSL_verify_cb verify_callback);
    /// int SSL_CTX_set_num_tickets(SSL_CTX *ctx, size_t num_tickets);
    private func setRules() throws(TLSFileError) {
        guard COpenSSL_SSL_CTX_allow_only_tls13(raw) == 1, SSL_CTX_set_num_tickets(raw, 0) == 1 else {
            throw .library(call: "SSL_CTX_set_min_proto_version", reason: LibraryErrors.take().text)
        }
        COpenSSL_SSL_CTX_forbid_resumption(raw)
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, notePeerCertificate)
    }

    /// Implements: int SSL_CTX_use_certificate(SSL_CTX *ctx, X509 *x);
    /// int SSL_CTX_use_PrivateKey(SSL_CTX *ctx, EVP_PKEY *pkey);
    /// void SSL_CTX_set1_cert_store(SSL_CTX *ctx, X509_STORE *store);
    private func install(_ own: OwnCertificate, certificate: String, key: String) throws(TLSFileError) {
        let store = try own.makeStore()
        SSL_CTX_set1_cert_store(raw, store)
        X509_STORE_free(store)
        // The system's security level may refuse what has passed all checks so far, such as a short RSA key.
        guard SSL_CTX_use_certificate(raw, own.leaf.raw) == 1 else {
            throw .notAccepted(path: certificate, reason: LibraryErrors.take().text)
        }
        for link in own.chain where COpenSSL_SSL_CTX_add1_chain_cert(raw, link.raw) != 1 {
            throw .notAccepted(path: certificate, reason: LibraryErrors.take().text)
        }
        guard SSL_CTX_use_PrivateKey(raw, own.key.raw) == 1 else {
            throw .notAccepted(path: key, reason: LibraryErrors.take().text)
        }
    }

    /// Checks a peer's certificate once more, by what we know now. `chain` is what it sent with it.
    ///
    /// Implements: X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *ctx);
    /// int X509_verify_cert(X509_STORE_CTX *ctx);
    func check(peer certificate: OpaquePointer, chain: OpaquePointer?) throws(TLSError) {
        LibraryErrors.clear()
        defer { LibraryErrors.clear() }
        guard let verification = X509_STORE_CTX_new() else {
            throw .library(call: "X509_STORE_CTX_new", reason: LibraryErrors.take().text)
        }
        defer { X509_STORE_CTX_free(verification) }
        guard X509_STORE_CTX_init(verification, SSL_CTX_get_cert_store(raw), certificate, chain) == 1,
            X509_STORE_CTX_set_default(verification, role.opposite.purpose) == 1
        else { throw .library(call: "X509_STORE_CTX_init", reason: LibraryErrors.take().text) }
        guard X509_verify_cert(verification) != 1 else { return }
        throw PeerCertificateFailure(
            code: X509_STORE_CTX_get_error(verification), peer: CertificateSummary(of: certificate)
        ).error(expectedName: nil)
    }

    /// A connection's handle, with nothing sent or received. The caller frees it.
    ///
    /// Implements: SSL *SSL_new(SSL_CTX *ctx);
    func makeHandle() throws(TLSError) -> OpaquePointer {
        LibraryErrors.clear()
        guard let handle = SSL_new(raw) else {
            throw .library(call: "SSL_new", reason: LibraryErrors.take().text)
        }
        return handle
    }
}
