public import FerryCore

/// Why a TLS connection could not be made, or ended.
public enum TLSError: Failure, Hashable {
    /// The peer's certificate is for other names than the one we expected.
    case peerNameMismatch(expected: String, peer: CertificateSummary)
    /// The peer's certificate, or one it rests on, has expired.
    case peerCertificateExpired(CertificateSummary)
    /// The peer's certificate, or one it rests on, is not valid yet.
    case peerCertificateNotYetValid(CertificateSummary)
    /// The peer's certificate does not come from our authority.
    case peerAuthorityUnknown(CertificateSummary)
    /// The peer's certificate is not meant for its side.
    case peerCertificateWrongPurpose(CertificateSummary, role: TLSRole)
    /// The authority has taken the peer's certificate back.
    case peerCertificateRevoked(CertificateSummary)
    /// Our list of revoked certificates can't tell whether the peer's is one: `reason` is what is wrong with the list.
    case peerRevocationUnknown(CertificateSummary, reason: String)
    /// The peer's certificate is refused for another reason.
    case peerCertificateRejected(CertificateSummary, reason: String)
    /// The peer has no certificate to show.
    case peerSentNoCertificate
    /// The peer refused our certificate; `alert` is the reason it gave. A TLS 1.3 client hears of it on its first read
    /// after the handshake.
    case peerRefusedOurCertificate(alert: String)
    /// The peer offers TLS 1.2 or older only.
    case peerSpeaksOlderTLS
    /// What the peer sent is not TLS.
    case peerDoesNotSpeakTLS
    /// The peer ended the connection with another alert.
    case peerAlert(String)
    /// The peer broke the protocol, or bytes were damaged on the way.
    case protocolViolation(reason: String)
    /// The connection ended without the peer's goodbye (close_notify).
    case cut(duringHandshake: Bool)
    /// A name that no certificate can hold.
    case unusableServerName(String)
    /// OpenSSL itself failed.
    case library(call: String, reason: String)

    /// `unauthorized` where identity is in question, `temporary` for a cut or damage on the way.
    public var disposition: Disposition {
        switch self {
        case .peerNameMismatch, .peerCertificateExpired, .peerCertificateNotYetValid, .peerAuthorityUnknown,
            .peerCertificateWrongPurpose, .peerCertificateRevoked, .peerRevocationUnknown, .peerCertificateRejected,
            .peerSentNoCertificate, .peerRefusedOurCertificate:
            .unauthorized
        case .peerSpeaksOlderTLS, .peerDoesNotSpeakTLS, .library: .permanent
        case .peerAlert, .protocolViolation, .cut: .temporary
        case .unusableServerName: .usage
        }
    }

    /// What happened.
    public var cause: String {
        switch self {
        case .peerNameMismatch(let expected, let peer):
            "the peer's certificate is for \(peer), not for '\(expected)'"
        case .peerCertificateExpired(let peer):
            "the peer's certificate (\(peer)) expired on \(utcText(peer.notAfter))"
        case .peerCertificateNotYetValid(let peer):
            "the peer's certificate (\(peer)) is not valid before \(utcText(peer.notBefore))"
        case .peerAuthorityUnknown(let peer):
            "the peer's certificate (\(peer), issuer \(peer.issuer)) does not come from our authority"
        case .peerCertificateWrongPurpose(let peer, let role):
            "the peer's certificate (\(peer)) is not meant for a \(role.rawValue)"
        case .peerCertificateRevoked(let peer): "the peer's certificate (\(peer)) is revoked"
        case .peerRevocationUnknown(let peer, let reason):
            "whether the peer's certificate (\(peer)) is revoked can't be told: \(reason)"
        case .peerCertificateRejected(let peer, let reason): "the peer's certificate (\(peer)) is refused: \(reason)"
        case .peerSentNoCertificate: "the peer sent no certificate"
        case .peerRefusedOurCertificate(let alert): "the peer refused our certificate: \(alert)"
        case .peerSpeaksOlderTLS: "the peer does not speak TLS 1.3"
        case .peerDoesNotSpeakTLS: "the peer does not speak TLS"
        case .peerAlert(let alert): "the peer ended the connection: \(alert)"
        case .protocolViolation(let reason): "the TLS stream is damaged: \(reason)"
        case .cut(duringHandshake: true): "the peer closed the connection during the TLS handshake"
        case .cut(duringHandshake: false): "the connection was cut"
        case .unusableServerName(let name): "'\(name)' can't be the name in a certificate"
        case .library(let call, let reason): "OpenSSL's \(call) failed: \(reason)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .peerNameMismatch: "check address and server-name, or issue the peer a certificate with that name"
        case .peerCertificateExpired: "issue the peer a new certificate (certs/make-certs --renew)"
        case .peerCertificateNotYetValid: "check the clocks of both hosts"
        case .peerAuthorityUnknown: "use the same authority file on both sides"
        case .peerCertificateWrongPurpose(_, let role):
            "the peer needs a certificate with extended key usage \(role.extendedKeyUsage)"
        case .peerCertificateRevoked:
            "issue the peer a new certificate (certs/make-certs --renew), if it should have one"
        case .peerRevocationUnknown:
            "write a new list (certs/make-certs --revoke) and put it where revoked: in our configuration says"
        case .peerCertificateRejected: "issue the peer a new certificate (certs/make-certs)"
        case .peerSentNoCertificate: "configure a certificate and its key on the peer"
        case .peerRefusedOurCertificate: "check our certificate against the peer's authority; its log has the reason"
        case .peerSpeaksOlderTLS, .peerDoesNotSpeakTLS: "check the address: is an rbd-ferry receiver listening there?"
        case .peerAlert: "look into the peer's log"
        case .protocolViolation, .cut: "check the network between the sites; the transfer goes on where it stopped"
        case .unusableServerName: "server-name takes a host name, as in the peer's certificate"
        case .library: "check the system's OpenSSL configuration"
        }
    }
}
