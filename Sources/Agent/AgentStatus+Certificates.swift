import FerryCore
import Foundation
import Reporting

extension AgentStatus {
    /// How long before its end a certificate is warned of, in seconds.
    static let certificateWarningSeconds: TimeInterval = 14 * 86_400

    /// Adds our certificate, and what is or will be wrong with it.
    mutating func note(_ contexts: ContextSource) {
        let file = contexts.files.certificate
        let end = Date(timeIntervalSince1970: TimeInterval(contexts.current.certificateNotAfter))
        certificates.append(CertificateStatus(file: file, expiresAt: end))
        if let failure = contexts.failure { problems.append("\(failure.cause); the one before is in force") }
        let left = end.timeIntervalSince(now)
        if left <= 0 {
            problems.append("the certificate \(file) has expired: renew it, it is taken without a restart")
        } else if left < Self.certificateWarningSeconds {
            warnings.append(
                "the certificate \(file) expires in \(Int(left / 86_400)) days: renew it, it is taken without a restart"
            )
        }
    }
}
