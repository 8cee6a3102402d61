import FerryCore
import Foundation
import OpenSSL
import TestCertificates
import Testing

@Suite("our own certificate files")
struct TLSContextTests {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    @Test("files from make-certs are fine, and their end is known")
    func fine() throws {
        let context = try load(role: .client, "sender")
        #expect(context.identities == ["sender.site-a"])
        let daysLeft = Double(context.certificateNotAfter - Int64(Date().timeIntervalSince1970)) / 86400
        #expect((29.9...30.1).contains(daysLeft))
        _ = try load(role: .server, "receiver")
    }

    @Test("a missing file is named")
    func missing() {
        #expect(throws: TLSFileError.missing(path: folder.file("gone.pem"))) {
            try TLSContext(
                role: .client, authority: folder.file("ca.pem"), certificate: folder.file("gone.pem"),
                key: folder.file("sender.key"))
        }
    }

    @Test("a folder in place of a file is not read")
    func notAFile() {
        #expect(throws: TLSFileError.unreadable(path: folder.path, reason: "not a regular file")) {
            try TLSContext(
                role: .client, authority: folder.path, certificate: folder.file("sender.pem"),
                key: folder.file("sender.key"))
        }
    }

    @Test("a file that forbids reading is named", .enabled(if: geteuid() != 0, "root may read everything"))
    func unreadable() throws {
        try folder.setMode(0, of: "sender.key")
        #expect(throws: TLSFileError.unreadable(path: folder.file("sender.key"), reason: "Permission denied")) {
            try load(role: .client, "sender")
        }
    }

    @Test("text that is no PEM is named, with what was expected", arguments: ["", "hello", "-----BEGIN CERT"])
    func notPEM(text: String) throws {
        try folder.write(text, to: "bad.pem")
        try folder.write(text, to: "bad.key")
        #expect(throws: TLSFileError.notPEM(path: folder.file("bad.pem"), expected: "certificate")) {
            try load(role: .client, "bad")
        }
        #expect(throws: TLSFileError.notPEM(path: folder.file("bad.key"), expected: "private key")) {
            try load(role: .client, "sender", key: "bad.key")
        }
    }

    @Test("a chain with a damaged certificate in it is not taken in part")
    func damagedChain() throws {
        let text = try folder.text(of: "sender.pem")
        try folder.write(text + text.dropFirst(100), to: "whole-and-half.pem")
        try folder.write(text + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", to: "damaged.pem")
        #expect(throws: TLSFileError.notPEM(path: folder.file("damaged.pem"), expected: "certificate")) {
            try load(role: .client, "damaged", key: "sender.key")
        }
    }

    @Test("a key with a pass phrase is refused, not asked for")
    func encrypted() throws {
        try folder.openssl(
            "pkey", "-in", folder.file("sender.key"), "-aes256", "-passout", "pass:secret", "-out",
            folder.file("locked.key"))
        try folder.setMode(0o600, of: "locked.key")
        #expect(throws: TLSFileError.keyEncrypted(path: folder.file("locked.key"))) {
            try load(role: .client, "sender", key: "locked.key")
        }
    }

    @Test("a key of another certificate is named")
    func mismatch() {
        #expect(
            throws: TLSFileError.keyMismatch(key: folder.file("receiver.key"), certificate: folder.file("sender.pem"))
        ) { try load(role: .client, "sender", key: "receiver.key") }
    }

    @Test("an expired certificate is named with its date")
    func expired() throws {
        try folder.issue("old", .init(alternativeNames: "DNS:old", usage: "clientAuth", days: -2 ... -1))
        let error = #expect(throws: TLSFileError.self) { try load(role: .client, "old") }
        guard case .expired(folder.file("old.pem"), let notAfter) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(abs(Double(notAfter) - Date().timeIntervalSince1970 + 86400) < 120)
        #expect(error?.cause.contains("UTC") == true)
        #expect(error?.disposition == .usage)
    }

    @Test("a certificate that is not valid yet is named with its date")
    func notYetValid() throws {
        try folder.issue("new", .init(alternativeNames: "DNS:new", usage: "clientAuth", days: 1...2))
        let error = #expect(throws: TLSFileError.self) { try load(role: .client, "new") }
        guard case .notYetValid(folder.file("new.pem"), let notBefore) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(Double(notBefore) > Date().timeIntervalSince1970)
    }

    @Test("a certificate of another authority is named with its issuer")
    func otherAuthority() throws {
        let other = try CertificateFolder()
        #expect(
            throws: TLSFileError.notSignedByAuthority(
                certificate: folder.file("sender.pem"), authority: other.file("ca.pem"),
                issuer: "/CN=rbd-ferry authority")
        ) {
            try TLSContext(
                role: .client, authority: other.file("ca.pem"), certificate: folder.file("sender.pem"),
                key: folder.file("sender.key"))
        }
    }

    @Test("a certificate for the other side is named")
    func wrongPurpose() {
        #expect(throws: TLSFileError.wrongPurpose(certificate: folder.file("sender.pem"), role: .server)) {
            try load(role: .server, "sender")
        }
        #expect(throws: TLSFileError.wrongPurpose(certificate: folder.file("receiver.pem"), role: .client)) {
            try load(role: .client, "receiver")
        }
    }

    @Test("a key that others can read is refused", arguments: [0o604, 0o640, 0o644, 0o620, 0o602])
    func openKey(mode: Int) throws {
        try folder.setMode(mode, of: "sender.key")
        #expect(throws: TLSFileError.keyTooOpen(path: folder.file("sender.key"), mode: UInt32(mode))) {
            try load(role: .client, "sender")
        }
    }

    private func load(role: TLSRole, _ name: String, key: String? = nil) throws -> TLSContext {
        try TLSContext(
            role: role, authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"),
            key: folder.file(key ?? "\(name).key"))
    }
}
