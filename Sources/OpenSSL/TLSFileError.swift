public import FerryCore

/// What is wrong with our own authority, certificate or key file.
public enum TLSFileError: Failure, Hashable {
    /// There is no such file.
    case missing(path: String)
    /// The file can't be read; `reason` is the system's.
    case unreadable(path: String, reason: String)
    /// The file holds no PEM block of the kind expected (`certificate`, `private key` or
    /// `list of revoked certificates`), or a damaged one.
    case notPEM(path: String, expected: String)
    /// The key is protected by a pass phrase, which nobody is there to type.
    case keyEncrypted(path: String)
    /// Others than its owner can read or change the key. `mode` holds the permission bits.
    case keyTooOpen(path: String, mode: UInt32)
    /// The key belongs to another certificate.
    case keyMismatch(key: String, certificate: String)
    /// The certificate in the file ended at `notAfter`, seconds since 1970.
    case expired(path: String, notAfter: Int64)
    /// The certificate in the file starts at `notBefore`, seconds since 1970.
    case notYetValid(path: String, notBefore: Int64)
    /// The authority did not sign the certificate.
    case notSignedByAuthority(certificate: String, authority: String, issuer: String)
    /// The certificate may not be used on our side.
    case wrongPurpose(certificate: String, role: TLSRole)
    /// The authority has taken our certificate back.
    case revoked(certificate: String, list: String)
    /// The list of revoked certificates ended at `notAfter`, seconds since 1970.
    case listExpired(path: String, notAfter: Int64)
    /// The file holds no list of the authority that issued our certificate.
    case noListOfIssuer(path: String, issuer: String)
    /// OpenSSL refuses the list of revoked certificates for another reason, such as its signature.
    case listNotAccepted(path: String, reason: String)
    /// OpenSSL refuses the file for another reason.
    case notAccepted(path: String, reason: String)
    /// OpenSSL itself failed; no file is to blame.
    case library(call: String, reason: String)

    /// `usage`: the files are part of the configuration. `permanent` when the library failed.
    public var disposition: Disposition {
        if case .library = self { return .permanent }
        return .usage
    }

    /// What is wrong with which file.
    public var cause: String {
        switch self {
        case .missing(let path): "file \(path) does not exist"
        case .unreadable(let path, let reason): "can't read \(path): \(reason)"
        case .notPEM(let path, let expected): "\(path) holds no usable \(expected) in PEM form"
        case .keyEncrypted(let path): "the key \(path) is protected by a pass phrase"
        case .keyTooOpen(let path, let mode):
            "the key \(path) is open to other users (mode 0\(String(mode, radix: 8)))"
        case .keyMismatch(let key, let certificate): "the key \(key) does not belong to the certificate \(certificate)"
        case .expired(let path, let notAfter): "the certificate \(path) expired on \(utcText(notAfter))"
        case .notYetValid(let path, let notBefore):
            "the certificate \(path) is not valid before \(utcText(notBefore))"
        case .notSignedByAuthority(let certificate, let authority, let issuer):
            "the certificate \(certificate) (issuer \(issuer)) is not signed by the authority \(authority)"
        case .wrongPurpose(let certificate, let role):
            "the certificate \(certificate) is not meant for a \(role.rawValue)"
        case .revoked(let certificate, let list): "the certificate \(certificate) is revoked, says \(list)"
        case .listExpired(let path, let notAfter):
            "the list of revoked certificates \(path) ended on \(utcText(notAfter))"
        case .noListOfIssuer(let path, let issuer):
            "\(path) holds no list of the certificates that the authority (\(issuer)) has revoked"
        case .listNotAccepted(let path, let reason):
            "the list of revoked certificates \(path) is not accepted: \(reason)"
        case .notAccepted(let path, let reason): "\(path) is not accepted: \(reason)"
        case .library(let call, let reason): "OpenSSL's \(call) failed: \(reason)"
        }
    }

    /// How messages call what `RevocationLists` reads.
    static let list = "list of revoked certificates"

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .missing, .unreadable: "check the paths under tls: and the permissions of the user we run as"
        case .notPEM(_, Self.list): "write one (certs/make-certs --revoke), or take revoked: out"
        case .notPEM(_, let expected): "put a PEM file with a \(expected) there; certs/make-certs makes them"
        case .keyEncrypted: "store the key without a pass phrase, readable by its owner only"
        case .keyTooOpen: "make it readable by its owner only (chmod 600), or owned by root with mode 0640"
        case .keyMismatch: "use the key that was made together with the certificate"
        case .revoked: "issue a new certificate (certs/make-certs --renew)"
        case .listExpired:
            "write a new list (certs/make-certs --revoke) and copy it here: it may lack the newest entries"
        case .noListOfIssuer, .listNotAccepted:
            "put the list there that the authority's own key signed (certs/make-certs --revoke)"
        case .expired: "issue a new certificate (certs/make-certs --renew)"
        case .notYetValid: "check this host's clock, or wait until then"
        case .notSignedByAuthority: "use the authority that issued the certificate, on both sides"
        case .wrongPurpose(_, let role): "use a certificate with extended key usage \(role.extendedKeyUsage)"
        case .notAccepted: "issue a new certificate (certs/make-certs)"
        case .library: "check the system's OpenSSL configuration"
        }
    }
}
