import FerryCore
import Foundation
import Logging

/// What is to be said about the end of our certificate, or of our list of revoked ones.
struct CertificateExpiry: Equatable, Sendable {
    /// How long before its end a certificate is warned of, in seconds.
    static let warningSeconds: TimeInterval = 14 * 86_400

    /// What ends.
    enum Subject: Equatable, Sendable {
        case certificate
        case revocationList
    }
    /// What ends.
    let subject: Subject
    /// Its file.
    let file: String
    /// When it ends.
    let end: Date
    /// Time left, in seconds; below zero when it has ended.
    let secondsLeft: TimeInterval

    /// What ends soon, or has ended.
    static func all(_ contexts: ContextSource, now: Date) -> [CertificateExpiry] {
        contexts.ends.map { subject, file, end in
            CertificateExpiry(subject: subject, file: file, end: end, secondsLeft: end.timeIntervalSince(now))
        }.filter { $0.secondsLeft < warningSeconds }
    }

    /// Whether connections fail already.
    var isOver: Bool { secondsLeft <= 0 }

    /// What happens, and what to do.
    var text: String {
        let days = Int(secondsLeft / 86_400)
        switch subject {
        case .certificate:
            let what = isOver ? "has expired" : "expires in \(days) days"
            return "the certificate \(file) \(what): renew it, it is taken without a restart"
        case .revocationList:
            let what = isOver ? "has ended, and no peer is let in" : "ends in \(days) days"
            return "the list of revoked certificates \(file) \(what): "
                + "write a new one (certs/make-certs --revoke), it is taken without a restart"
        }
    }
}

extension ContextSource {
    /// When the certificate in force ends.
    var certificateEnd: Date { Date(timeIntervalSince1970: TimeInterval(current.certificateNotAfter)) }

    /// What has an end, with its file.
    var ends: [(subject: CertificateExpiry.Subject, file: String, end: Date)] {
        var ends = [(subject: CertificateExpiry.Subject.certificate, file: files.certificate, end: certificateEnd)]
        if let revoked = files.revoked, let notAfter = current.revokedNotAfter {
            ends.append((.revocationList, revoked, Date(timeIntervalSince1970: TimeInterval(notAfter))))
        }
        return ends
    }
}

/// Tells the log of certificates that end soon: when the agent starts, when another one that does is taken, and once a
/// day.
struct ExpiryReminder {
    private static let interval: TimeInterval = 86_400
    private var told: [String: (end: Date, toldAt: Date)] = [:]

    /// Tells it if it is time to. Call it often.
    mutating func remind(_ contexts: ContextSource, now: Date, logger: Logger) {
        let expiries = CertificateExpiry.all(contexts, now: now)
        told = told.filter { file, _ in expiries.contains { $0.file == file } }
        for expiry in expiries {
            let last = told[expiry.file]
            if let last, last.end == expiry.end, abs(now.timeIntervalSince(last.toldAt)) < Self.interval { continue }
            told[expiry.file] = (expiry.end, now)
            logger.log(level: expiry.isOver ? .error : .warning, "\(expiry.text)")
        }
    }
}
