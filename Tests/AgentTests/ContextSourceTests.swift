import FerryCore
import Foundation
import Logging
import OpenSSL
import SecureTransport
import TestCertificates
import Testing

@testable import Agent

@Suite("The certificates in force", .timeLimit(.minutes(1)))
struct ContextSourceTests {
    private let folder: CertificateFolder
    private let source: ContextSource

    init() throws {
        folder = try CertificateFolder()
        source = try ContextSource(Self.files(folder), role: .client)
    }

    private static func files(_ folder: CertificateFolder, _ name: String = "sender") -> TLSFiles {
        TLSFiles(
            authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"), key: folder.file("\(name).key"))
    }

    private func renew(days: Int) throws {
        let made = try CertificateFolder.makeCerts(
            ["--out", folder.path, "--renew", "--days", "\(days)", "sender.site-a", "receiver.site-b"])
        #expect(made.status == 0, "\(made.text)")
    }

    @Test("are those on disk, once these have changed")
    func renewed() throws {
        let end = source.certificateEnd
        #expect(try !source.refresh(), "nothing has changed")
        try renew(days: 300)
        #expect(source.certificateEnd == end, "until someone looks")
        #expect(try source.refresh())
        #expect(source.certificateEnd > end.addingTimeInterval(200 * 86_400))
        #expect(try !source.refresh())
        #expect(source.failure == nil)
    }

    @Test("are not bad ones; those before stay, and it is said once")
    func bad() throws {
        let end = source.certificateEnd
        let good = try folder.text(of: "sender.pem")
        for text in ["nonsense", "", try folder.text(of: "receiver.pem")] {
            try folder.write(text, to: "sender.pem")
            #expect(throws: TLSFileError.self) { try source.refresh() }
            #expect(source.failure != nil)
            #expect(source.certificateEnd == end)
            #expect(try !source.refresh(), "it is not tried again while nothing changes")
        }
        try FileManager.default.removeItem(atPath: folder.file("sender.pem"))
        let missing = #expect(throws: TLSFileError.self) { try source.refresh() }
        #expect(missing == .missing(path: folder.file("sender.pem")))
        try folder.write(good, to: "sender.pem")
        #expect(try source.refresh())
        #expect(source.failure == nil)
    }

    @Test("can be other files, if those can be used")
    func replaced() throws {
        try folder.issue(
            "other", CertificateFolder.Request(alternativeNames: "DNS:sender.site-a", usage: "clientAuth"))
        try source.replace(Self.files(folder, "other"))
        #expect(source.files.certificate == folder.file("other.pem"))
        #expect(throws: TLSFileError.self) { try source.replace(Self.files(folder, "nothing")) }
        #expect(source.files.certificate == folder.file("other.pem"))
        #expect(source.failure != nil)
    }

    @Test("come with a list of revoked ones, which is read again when it changes, and has an end too")
    func revoked() throws {
        func makeList(_ arguments: String...) throws {
            #expect(try CertificateFolder.makeCerts(["--out", folder.path] + arguments).status == 0)
        }
        try makeList("--list", "--days", "100")
        let files = TLSFiles(
            authority: folder.file("ca.pem"), certificate: folder.file("receiver.pem"),
            key: folder.file("receiver.key"), revoked: folder.file("revoked.pem"))
        let source = try ContextSource(files, role: .server)
        let before = ObjectIdentifier(source.current)
        try makeList("--days", "10", "--revoke", folder.file("sender.pem"))
        #expect(try source.refresh())
        #expect(ObjectIdentifier(source.current) != before)
        let texts = CertificateExpiry.all(source, now: Date()).map(\.text)
        #expect(texts.count == 1 && texts[0].contains("revoked.pem ends in 9 days: write a new one"))
        let over = CertificateExpiry.all(source, now: Date().addingTimeInterval(11 * 86_400)).map(\.text)
        #expect(over.first?.contains("has ended, and no peer is let in") == true)
        try FileManager.default.removeItem(atPath: folder.file("revoked.pem"))
        #expect(throws: TLSFileError.missing(path: folder.file("revoked.pem"))) { try source.refresh() }
        #expect(source.current.revokedNotAfter != nil, "the one before is in force")
    }

    @Test("that end soon are told of at the start, when they were renewed, and once a day; others never")
    func reminder() throws {
        let lines = KeptLines()
        let logger = Logger(label: "test") { _ in lines }
        var reminder = ExpiryReminder()
        let start = source.certificateEnd.addingTimeInterval(-14 * 86_400)
        reminder.remind(source, now: start.addingTimeInterval(-1), logger: logger)
        #expect(lines.taken().isEmpty)
        let file = folder.file("sender.pem")
        let remedy = "renew it, it is taken without a restart"
        for hours in 0...48 {
            reminder.remind(source, now: start.addingTimeInterval(Double(hours) * 3600 + 1), logger: logger)
        }
        #expect(
            lines.taken() == [13, 12, 11].map { "warning: the certificate \(file) expires in \($0) days: \(remedy)" })
        reminder.remind(source, now: source.certificateEnd.addingTimeInterval(1), logger: logger)
        #expect(lines.taken() == ["error: the certificate \(file) has expired: \(remedy)"])
        try renew(days: 10)
        #expect(try source.refresh())
        for _ in 1...3 { reminder.remind(source, now: Date(), logger: logger) }
        #expect(lines.taken() == ["warning: the certificate \(file) expires in 9 days: \(remedy)"])
    }
}
