import FerryCore
import OpenSSL
import SecureTransport

/// Looks into the files that a configuration names under `tls:`.
struct TLSFileCheck {
    /// Paths; nil for those that the configuration does not say.
    let authority: String?
    let certificate: String?
    let key: String?
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
        // It stops at the first fault, which may be known by now.
        if let fault = together(), !faults.contains(fault) { faults.append(fault) }
        return faults
    }

    /// Why the files can't be used with each other.
    private func together() -> TLSFileError? {
        guard let authority, let certificate, let key else { return nil }
        do {
            _ = try TLSFiles(authority: authority, certificate: certificate, key: key).makeContext(role: role)
            return nil
        } catch {
            return error
        }
    }

    /// Certificates that end soon, with their files.
    func endingSoon() -> [(path: String, certificate: CertificateSummary)] {
        var ending: [(path: String, certificate: CertificateSummary)] = []
        for path in [authority, certificate].compactMap(\.self) {
            // A file that can't be read is among the faults.
            guard let certificates = try? CertificateSummary.read(file: path) else { continue }
            let limits = now..<now + CertificateSummary.expiryWarningSeconds
            ending += certificates.filter { limits.contains($0.notAfter) }.map { (path, $0) }
        }
        return ending
    }

    /// The key of the configuration whose file is at fault.
    func configurationKey(of fault: TLSFileError) -> String? {
        switch fault {
        case .missing(let path), .unreadable(let path, _), .notPEM(let path, _), .expired(let path, _),
            .notYetValid(let path, _), .notAccepted(let path, _), .keyEncrypted(let path), .keyTooOpen(let path, _):
            configurationKey(of: path)
        case .keyMismatch: "key"
        case .notSignedByAuthority, .wrongPurpose: "certificate"
        case .library: nil
        }
    }

    /// The key of the configuration that names a file.
    func configurationKey(of path: String) -> String? {
        switch path {
        case authority: "authority"
        case certificate: "certificate"
        case key: "key"
        default: nil
        }
    }
}
