import COpenSSL

#if canImport(Glibc)
import Glibc
#endif

/// Our authority, certificate chain and key, read from files and checked against each other, so that a wrong file is
/// named at the start and not by a peer's alert.
struct OwnCertificate {
    /// Certificates that peers' certificates (and ours) must come from.
    let authorities: [Certificate]
    /// Our own certificate.
    let leaf: Certificate
    /// Certificates between ours and the authority.
    let chain: [Certificate]
    /// The key of our certificate.
    let key: PrivateKey
    /// What our certificate says.
    let summary: CertificateSummary
    /// Certificates that were taken back; nil when nobody says.
    let revoked: RevocationLists?

    /// Reads and checks the files for use as `role`.
    init(
        role: TLSRole, authority: String, certificate: String, key: String, revoked: String?
    ) throws(TLSFileError) {
        authorities = try PEMFile.certificates(path: authority)
        let certificates = try PEMFile.certificates(path: certificate)
        leaf = certificates[0]
        chain = Array(certificates.dropFirst())
        self.key = try PEMFile.privateKey(path: key)
        summary = CertificateSummary(of: leaf.raw)
        if let revoked {
            self.revoked = try RevocationLists(file: revoked)
        } else {
            self.revoked = nil
        }
        try requireKeyBelongs(certificate: certificate, key: key)
        try Self.requireValidNow(summary, path: certificate)
        for authorityCertificate in authorities {
            try Self.requireValidNow(CertificateSummary(of: authorityCertificate.raw), path: authority)
        }
        try requireAccepted(role: role, authority: authority, certificate: certificate)
    }

    /// Implements: int X509_check_private_key(const X509 *x, const EVP_PKEY *k);
    private func requireKeyBelongs(certificate: String, key keyPath: String) throws(TLSFileError) {
        defer { LibraryErrors.clear() }
        guard X509_check_private_key(leaf.raw, key.raw) == 1 else {
            throw .keyMismatch(key: keyPath, certificate: certificate)
        }
    }

    private static func requireValidNow(_ summary: CertificateSummary, path: String) throws(TLSFileError) {
        let now = Int64(time(nil))
        guard now <= summary.notAfter else { throw .expired(path: path, notAfter: summary.notAfter) }
        guard now >= summary.notBefore else { throw .notYetValid(path: path, notBefore: summary.notBefore) }
    }

    /// What the peer will do with our certificate, done by us first.
    ///
    /// Implements: int X509_verify_cert(X509_STORE_CTX *ctx);
    private func requireAccepted(role: TLSRole, authority: String, certificate: String) throws(TLSFileError) {
        LibraryErrors.clear()
        defer { LibraryErrors.clear() }
        let store = try makeStore()
        defer { X509_STORE_free(store) }
        guard let untrusted = COpenSSL_sk_X509_new_null(), let verification = X509_STORE_CTX_new() else {
            throw .library(call: "X509_STORE_CTX_new", reason: LibraryErrors.take().text)
        }
        defer {
            X509_STORE_CTX_free(verification)
            COpenSSL_sk_X509_free(untrusted)
        }
        for link in chain { _ = COpenSSL_sk_X509_push(untrusted, link.raw) }
        guard X509_STORE_CTX_init(verification, store, leaf.raw, untrusted) == 1,
            X509_STORE_CTX_set_default(verification, role.purpose) == 1
        else { throw .library(call: "X509_STORE_CTX_init", reason: LibraryErrors.take().text) }
        guard X509_verify_cert(verification) != 1 else { return }
        throw failure(
            code: X509_STORE_CTX_get_error(verification), role: role, authority: authority, certificate: certificate)
    }

    private func failure(code: Int32, role: TLSRole, authority: String, certificate: String) -> TLSFileError {
        if let failure = revoked?.failure(code: code, certificate: certificate, issuer: summary.issuer) {
            return failure
        }
        switch code {
        case X509_V_ERR_INVALID_PURPOSE:
            return .wrongPurpose(certificate: certificate, role: role)
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return .notSignedByAuthority(certificate: certificate, authority: authority, issuer: summary.issuer)
        case X509_V_ERR_INVALID_CA, X509_V_ERR_INVALID_NON_CA, X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
            return .notAccepted(path: authority, reason: verificationText(code))
        default:
            return .notAccepted(path: certificate, reason: verificationText(code))
        }
    }

    /// A store that trusts our authority, but nothing that it has taken back. The caller frees it.
    ///
    /// Implements: int X509_STORE_add_cert(X509_STORE *xs, X509 *x);
    func makeStore() throws(TLSFileError) -> OpaquePointer {
        guard let store = X509_STORE_new() else {
            throw .library(call: "X509_STORE_new", reason: LibraryErrors.take().text)
        }
        for authority in authorities where X509_STORE_add_cert(store, authority.raw) != 1 {
            X509_STORE_free(store)
            throw .library(call: "X509_STORE_add_cert", reason: LibraryErrors.take().text)
        }
        do {
            try revoked?.install(in: store)
        } catch {
            X509_STORE_free(store)
            throw error
        }
        return store
    }
}

/// OpenSSL's words for the outcome of a verification.
///
/// Implements: const char *X509_verify_cert_error_string(long n);
func verificationText(_ code: Int32) -> String {
    guard let text = X509_verify_cert_error_string(Int(code)) else { return "verification error \(code)" }
    return String(cString: text)
}
