import COpenSSL

extension TLSError {
    /// Puts libssl's report of a failed call into a user's words.
    init(
        _ errors: LibraryErrors, call: String, peer: PeerCertificateFailure?, expectedName: String?,
        isHandshakeComplete: Bool
    ) {
        guard let reason = errors.reasonsOfSSL.first else {
            self = .library(call: call, reason: errors.text)
            return
        }
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED where peer != nil:
            self = peer?.error(expectedName: expectedName) ?? .library(call: call, reason: errors.text)
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            self = .peerSentNoCertificate
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            self = .peerSpeaksOlderTLS
        case SSL_AD_REASON_OFFSET...(SSL_AD_REASON_OFFSET + 255):
            self = Self.alert(reason - SSL_AD_REASON_OFFSET)
        default:
            self =
                !isHandshakeComplete && Self.isForeign(reason)
                ? .peerDoesNotSpeakTLS : .protocolViolation(reason: errors.text)
        }
    }

    /// Whether libssl's reason is what other protocols look like to it.
    private static func isForeign(_ reason: Int32) -> Bool {
        [
            SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG,
            SSL_R_LENGTH_TOO_SHORT, SSL_R_UNEXPECTED_MESSAGE, SSL_R_LENGTH_MISMATCH, SSL_R_BAD_RECORD_TYPE,
            SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_UNKNOWN_PROTOCOL, SSL_R_DATA_LENGTH_TOO_LONG,
        ].contains(reason)
    }

    /// Implements: const char *SSL_alert_desc_string_long(int value);
    private static func alert(_ number: Int32) -> TLSError {
        let text = String(cString: SSL_alert_desc_string_long(number))
        switch number {
        case SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
            SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA, SSL_AD_ACCESS_DENIED,
            SSL_AD_CERTIFICATE_REQUIRED:
            return .peerRefusedOurCertificate(alert: text)
        default:
            return .peerAlert(text)
        }
    }
}
