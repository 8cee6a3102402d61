import FerryCore
import OpenSSL
import SecureTransport

/// Looks into the files that a configuration names under `tls:`.
struct TLSFileCheck {
    /// Paths; nil for those that the configuration does not say.
    let authority: String?
    let certificate: String?
    let key: String?
    let revoked: String?
    let role: TLSRole
    /// Now, in seconds since 1970.
    let now: Int64

    /// Every fault of the files, each once.
    func faults() -> [TLSFileError] {
        var faults: [TLSFileError] = []
        for path in [authority, certificate].compactMap(\.self) {
            do {
                for certificate in try CertificateSummary.read(file: path) where certificate.notAfter < now {
                    faults.append(.expired(path: path, notAfter: certificate.notAfter))
                }
            } catch {
                faults.append(error)
            }
        }
        do {
            if let key { try KeyFile.check(key) }
        } catch {
            faults.append(error)
        }
        do {
            if let revoked { _ = try RevocationLists(file: revoked) }
        } catch {
            faults.append(error)
        }
        // It stops at the first fault, which may be known by now.
        if let fault = together(), !faults.contains(fault) { faults.append(fault) }
        return faults
    }

    /// Why the files can't be used with each other.
    private func together() -> TLSFileError? {
        guard let authority, let certificate, let key else { return nil }
        do {
            let files = TLSFiles(authority: authority, certificate: certificate, key: key, revoked: revoked)
            _ = try files.makeContext(role: role)
            return nil
        } catch {
            return error
        }
    }

    /// What ends soon.
    struct Ending {
        /// The file.
        let path: String
        /// What it holds that ends, for messages.
        let what: String
        /// The last second of validity, counted from 1970.
        let notAfter: Int64
        /// What to do before then.
        let remedy: String
    }

    /// Certificates and lists of revoked ones that end soon.
    func endingSoon() -> [Ending] {
        let limits = now..<now + CertificateSummary.expiryWarningSeconds
        var ending: [Ending] = []
        for path in [authority, certificate].compactMap(\.self) {
            // A file that can't be read is among the faults.
            guard let certificates = try? CertificateSummary.read(file: path) else { continue }
            ending += certificates.map {
                Ending(
                    path: path, what: "the certificate", notAfter: $0.notAfter,
                    remedy: "renew it in time (certs/make-certs --renew)")
            }
        }
        if let revoked, let notAfter = try? RevocationLists(file: revoked).notAfter {
            ending.append(
                Ending(
                    path: revoked, what: "the list of revoked certificates", notAfter: notAfter,
                    remedy: "write a new one in time (certs/make-certs --revoke): without it no peer is let in"))
        }
        return ending.filter { limits.contains($0.notAfter) }
    }

    /// The key of the configuration whose file is at fault.
    func configurationKey(of fault: TLSFileError) -> String? {
        switch fault {
        case .missing(let path), .unreadable(let path, _), .notPEM(let path, _), .expired(let path, _),
            .notYetValid(let path, _), .notAccepted(let path, _), .keyEncrypted(let path), .keyTooOpen(let path, _):
            configurationKey(of: path)
        case .listExpired(let path, _), .noListOfIssuer(let path, _), .listNotAccepted(let path, _):
            configurationKey(of: path)
        case .keyMismatch: "key"
        case .notSignedByAuthority, .wrongPurpose, .revoked: "certificate"
        case .library: nil
        }
    }

    /// The key of the configuration that names a file.
    func configurationKey(of path: String) -> String? {
        switch path {
        case authority: "authority"
        case certificate: "certificate"
        case key: "key"
        case revoked: "revoked"
        default: nil
        }
    }
}
