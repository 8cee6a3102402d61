import COpenSSL

/// Why a peer's certificate was refused, noted at the moment of the check: afterwards libssl has thrown it away.
struct PeerCertificateFailure {
    /// Reason, one of `X509_V_ERR_...`.
    let code: Int32
    /// The peer's own certificate. Its dates are those of the certificate at fault, which may be one it rests on.
    let peer: CertificateSummary

    /// What a user is told.
    func error(expectedName: String?) -> TLSError {
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            .peerNameMismatch(expected: expectedName ?? "", peer: peer)
        case X509_V_ERR_CERT_HAS_EXPIRED:
            .peerCertificateExpired(peer)
        case X509_V_ERR_CERT_NOT_YET_VALID:
            .peerCertificateNotYetValid(peer)
        case X509_V_ERR_INVALID_PURPOSE:
            .peerCertificateWrongPurpose(peer, role: expectedName == nil ? .client : .server)
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            .peerAuthorityUnknown(peer)
        case X509_V_ERR_CERT_REVOKED:
            .peerCertificateRevoked(peer)
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            .peerRevocationUnknown(peer, reason: "we have no list of its issuer (\(peer.issuer))")
        case X509_V_ERR_CRL_HAS_EXPIRED:
            .peerRevocationUnknown(peer, reason: "our list has ended")
        case X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
            X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
            .peerRevocationUnknown(peer, reason: verificationText(code))
        default:
            .peerCertificateRejected(peer, reason: verificationText(code))
        }
    }
}

/// libssl's verify callback: notes what is wrong, changes nothing about the outcome.
///
/// Implements: int (*SSL_verify_cb)(int preverify_ok, X509_STORE_CTX *x509_ctx);
func notePeerCertificate(isFine: Int32, verification: OpaquePointer?) -> Int32 {
    guard isFine != 1 else { return isFine }
    guard let verification, let leaf = X509_STORE_CTX_get0_cert(verification),
        let ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let connection = SSL_get_ex_data(OpaquePointer(ssl), 0)
    else { return 0 }
    let peer = CertificateSummary(of: leaf)
    let atFault = X509_STORE_CTX_get_current_cert(verification).map { CertificateSummary(of: $0) } ?? peer
    Unmanaged<TLSConnection>.fromOpaque(connection).takeUnretainedValue().peerFailure = PeerCertificateFailure(
        code: X509_STORE_CTX_get_error(verification),
        peer: CertificateSummary(
            names: peer.names, issuer: peer.issuer, notBefore: atFault.notBefore, notAfter: atFault.notAfter))
    return 0
}
