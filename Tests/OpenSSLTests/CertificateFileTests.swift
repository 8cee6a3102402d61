import Foundation
import OpenSSL
import TestCertificates
import Testing

@Suite("a certificate's file on its own")
struct CertificateFileTests {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    @Test("is read without its key and its authority, expired or not")
    func read() throws {
        try folder.issue("old", .init(alternativeNames: "DNS:old", usage: "clientAuth", days: -2 ... -1))
        let old = try CertificateSummary.read(file: folder.file("old.pem"))
        #expect(old.map(\.names) == [["old"]])
        #expect(old[0].notAfter < Int64(Date().timeIntervalSince1970))
        #expect(old[0].notAfterText.hasSuffix("UTC"))
    }

    @Test("with a chain gives all of it, in its order")
    func chain() throws {
        try folder.write(try folder.text(of: "sender.pem") + folder.text(of: "ca.pem"), to: "chain.pem")
        let chain = try CertificateSummary.read(file: folder.file("chain.pem"))
        #expect(chain.map(\.names) == [["sender.site-a"], []])
    }

    @Test("that is not there, or none, is named")
    func faults() throws {
        #expect(throws: TLSFileError.missing(path: folder.file("gone.pem"))) {
            try CertificateSummary.read(file: folder.file("gone.pem"))
        }
        try folder.write("hello", to: "text.pem")
        #expect(throws: TLSFileError.notPEM(path: folder.file("text.pem"), expected: "certificate")) {
            try CertificateSummary.read(file: folder.file("text.pem"))
        }
    }

    @Test("has a key beside it that can be checked alone")
    func key() throws {
        try KeyFile.check(folder.file("sender.key"))
        try folder.setMode(0o644, of: "sender.key")
        #expect(throws: TLSFileError.keyTooOpen(path: folder.file("sender.key"), mode: 0o644)) {
            try KeyFile.check(folder.file("sender.key"))
        }
    }
}
