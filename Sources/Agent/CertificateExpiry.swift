import FerryCore
import Foundation
import Logging

/// What is to be said about the end of our certificate.
struct CertificateExpiry: Equatable, Sendable {
    /// How long before its end a certificate is warned of, in seconds.
    static let warningSeconds: TimeInterval = 14 * 86_400

    /// The certificate.
    let file: String
    /// When it ends.
    let end: Date
    /// Time left, in seconds; below zero when it has ended.
    let secondsLeft: TimeInterval

    /// Nil while the end is far.
    init?(_ contexts: ContextSource, now: Date) {
        file = contexts.files.certificate
        end = contexts.certificateEnd
        secondsLeft = end.timeIntervalSince(now)
        guard secondsLeft < Self.warningSeconds else { return nil }
    }

    /// Whether connections fail already.
    var isOver: Bool { secondsLeft <= 0 }

    /// What happens, and what to do.
    var text: String {
        let what = isOver ? "has expired" : "expires in \(Int(secondsLeft / 86_400)) days"
        return "the certificate \(file) \(what): renew it, it is taken without a restart"
    }
}

extension ContextSource {
    /// When the certificate in force ends.
    var certificateEnd: Date { Date(timeIntervalSince1970: TimeInterval(current.certificateNotAfter)) }
}

/// Tells the log of a certificate that ends soon: when the agent starts, when another one that does is taken, and once a
/// day.
struct ExpiryReminder {
    private static let interval: TimeInterval = 86_400
    private var last: (end: Date, toldAt: Date)?

    /// Tells it if it is time to. Call it often.
    mutating func remind(_ contexts: ContextSource, now: Date, logger: Logger) {
        guard let expiry = CertificateExpiry(contexts, now: now) else {
            last = nil
            return
        }
        if let last, last.end == expiry.end, abs(now.timeIntervalSince(last.toldAt)) < Self.interval { return }
        last = (expiry.end, now)
        logger.log(level: expiry.isOver ? .error : .warning, "\(expiry.text)")
    }
}
