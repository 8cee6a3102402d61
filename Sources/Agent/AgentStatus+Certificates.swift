import FerryCore
import Reporting

extension AgentStatus {
    /// Adds our certificate and our list of revoked ones, and what is or will be wrong with them.
    mutating func note(_ contexts: ContextSource) {
        certificates += contexts.ends.map { CertificateStatus(file: $0.file, expiresAt: $0.end) }
        if let failure = contexts.failure { problems.append("\(failure.cause); the one before is in force") }
        for expiry in CertificateExpiry.all(contexts, now: now) {
            if expiry.isOver { problems.append(expiry.text) } else { warnings.append(expiry.text) }
        }
    }
}
