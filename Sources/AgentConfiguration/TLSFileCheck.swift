import FerryCore
import OpenSSL
import SecureTransport

/// Looks into the files that a configuration names under `tls:`.
struct TLSFileCheck {
    let files: TLSFiles
    let role: TLSRole
    /// Now, in seconds since 1970.
    let now: Int64

    /// Every fault of the files, each once.
    func faults() -> [TLSFileError] {
        var faults: [TLSFileError] = []
        for path in [files.authority, files.certificate] {
            do {
                for certificate in try CertificateSummary.read(file: path) where certificate.notAfter < now {
                    faults.append(.expired(path: path, notAfter: certificate.notAfter))
                }
            } catch {
                faults.append(error)
            }
        }
        do {
            try KeyFile.check(files.key)
        } catch {
            faults.append(error)
        }
        do {
            _ = try files.makeContext(role: role)
        } catch {
            // It stops at the first fault, which may be known by now.
            if !faults.contains(error) { faults.append(error) }
        }
        return faults
    }

    /// Certificates that end soon, with their files.
    func endingSoon() -> [(path: String, certificate: CertificateSummary)] {
        var ending: [(path: String, certificate: CertificateSummary)] = []
        for path in [files.authority, files.certificate] {
            // A file that can't be read is among the faults.
            guard let certificates = try? CertificateSummary.read(file: path) else { continue }
            let limits = now..<now + CertificateSummary.expiryWarningSeconds
            ending += certificates.filter { limits.contains($0.notAfter) }.map { (path, $0) }
        }
        return ending
    }

    /// The key of the configuration whose file is at fault.
    func key(of fault: TLSFileError) -> String? {
        switch fault {
        case .missing(let path), .unreadable(let path, _), .notPEM(let path, _), .expired(let path, _),
            .notYetValid(let path, _), .notAccepted(let path, _), .keyEncrypted(let path), .keyTooOpen(let path, _):
            key(of: path)
        case .keyMismatch: "key"
        case .notSignedByAuthority, .wrongPurpose: "certificate"
        case .library: nil
        }
    }

    /// The key of the configuration that names a file.
    func key(of path: String) -> String? {
        switch path {
        case files.authority: "authority"
        case files.certificate: "certificate"
        case files.key: "key"
        default: nil
        }
    }
}
