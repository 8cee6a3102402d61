import FerryCore
import Reporting

extension AgentStatus {
    /// Adds our certificate, and what is or will be wrong with it.
    mutating func note(_ contexts: ContextSource) {
        certificates.append(CertificateStatus(file: contexts.files.certificate, expiresAt: contexts.certificateEnd))
        if let failure = contexts.failure { problems.append("\(failure.cause); the one before is in force") }
        guard let expiry = CertificateExpiry(contexts, now: now) else { return }
        if expiry.isOver { problems.append(expiry.text) } else { warnings.append(expiry.text) }
    }
}
