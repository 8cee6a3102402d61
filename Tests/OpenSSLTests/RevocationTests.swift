import FerryCore
import Foundation
import OpenSSL
import TestCertificates
import Testing

@Suite("certificates that their authority took back")
struct RevocationTests {
    let folder: CertificateFolder

    init() throws {
        folder = try CertificateFolder()
        try folder.issue("other", .init(alternativeNames: "DNS:other.site-c", usage: "clientAuth"))
    }

    private func makeList(_ arguments: String...) throws {
        let made = try CertificateFolder.makeCerts(["--out", folder.path] + arguments)
        #expect(made.status == 0, "\(made.text)")
    }

    private func context(_ role: TLSRole, _ name: String, list: String? = nil) throws -> TLSContext {
        try TLSContext(
            role: role, authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"),
            key: folder.file("\(name).key"), revoked: list.map { folder.file($0) })
    }

    /// What a server with the list makes of a client with a certificate; nil when it lets it in.
    private func refusal(_ client: String) throws -> TLSError? {
        let server = try TLSConnection(server: context(.server, "receiver", list: "revoked.pem"))
        let client = try TLSConnection(client: context(.client, client), serverName: "receiver.site-b")
        try client.take([])
        try server.take(client.output())
        try client.take(server.output())
        do throws(TLSError) {
            try server.take(client.output())
            return nil
        } catch {
            _ = try? client.decrypt(server.output())
            return error
        }
    }

    @Test("are refused by a server, the others are not")
    func client() throws {
        try makeList("--revoke", folder.file("other.pem"))
        #expect(try refusal("sender") == nil)
        let error = try refusal("other")
        guard case .peerCertificateRevoked(let peer) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(peer.names == ["other.site-c"] && error?.disposition == .unauthorized)
        #expect(error?.cause == "the peer's certificate ('other.site-c') is revoked")
    }

    @Test("are refused by a client, and told so")
    func server() throws {
        try makeList("--revoke", folder.file("receiver.pem"))
        let client = try TLSConnection(
            client: context(.client, "sender", list: "revoked.pem"), serverName: "receiver.site-b")
        let server = try TLSConnection(server: context(.server, "receiver"))
        try client.take([])
        try server.take(client.output())
        let error = #expect(throws: TLSError.self) { try client.take(server.output()) }
        guard case .peerCertificateRevoked = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(throws: TLSError.peerRefusedOurCertificate(alert: "certificate revoked")) {
            try server.take(client.output())
        }
    }

    @Test("are noticed on connections that stand, once the list is there")
    func standing() throws {
        let pair = try TLSPair(client: folder, server: folder, clientCertificate: "other")
        try pair.handshake()
        try makeList("--list")
        try pair.server.checkPeer(by: context(.server, "receiver", list: "revoked.pem"))
        try makeList("--revoke", folder.file("other.pem"))
        let error = #expect(throws: TLSError.self) {
            try pair.server.checkPeer(by: context(.server, "receiver", list: "revoked.pem"))
        }
        guard case .peerCertificateRevoked = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("are not ours: an agent with such a certificate does not start")
    func own() throws {
        try makeList("--revoke", folder.file("other.pem"))
        #expect(
            throws: TLSFileError.revoked(certificate: folder.file("other.pem"), list: folder.file("revoked.pem"))
        ) { try context(.client, "other", list: "revoked.pem") }
    }

    @Test("stay on the list when further ones come, and when it is written anew")
    func further() throws {
        try makeList("--revoke", folder.file("other.pem"))
        try makeList("--revoke", folder.file("sender.pem"))
        try makeList("--list")
        for name in ["sender", "other"] { #expect(try refusal(name) != nil) }
    }

    @Test("can be revoked after they were renewed")
    func renewed() throws {
        let stolen = try folder.text(of: "sender.pem")
        let key = try folder.text(of: "sender.key")
        let made = try CertificateFolder.makeCerts([
            "--out", folder.path, "--renew", "sender.site-a", "receiver.site-b",
        ])
        #expect(made.status == 0)
        let replaced = try FileManager.default.contentsOfDirectory(atPath: folder.file("replaced"))
        let old = try #require(replaced.first { $0.hasPrefix("sender-") })
        try makeList("--revoke", folder.file("replaced/\(old)"))
        try folder.write(stolen, to: "stolen.pem")
        try folder.write(key, to: "stolen.key")
        #expect(try refusal("stolen") != nil)
        #expect(try refusal("sender") == nil)
    }

    @Test("can't be told without a list that holds: it is refused with its name and what to do")
    func lists() throws {
        #expect(throws: TLSFileError.missing(path: folder.file("revoked.pem"))) {
            try context(.server, "receiver", list: "revoked.pem")
        }
        for text in ["", "hello", try folder.text(of: "ca.pem")] {
            try folder.write(text, to: "bad.pem")
            let error = #expect(throws: TLSFileError.self) { try context(.server, "receiver", list: "bad.pem") }
            #expect(error == .notPEM(path: folder.file("bad.pem"), expected: "list of revoked certificates"))
            #expect(error?.remedy.contains("certs/make-certs --revoke") == true)
        }
    }

    @Test("of another authority with the same name are no list of ours")
    func otherAuthority() throws {
        let other = try CertificateFolder()
        #expect(try CertificateFolder.makeCerts(["--out", other.path, "--list"]).status == 0)
        try folder.write(other.text(of: "revoked.pem"), to: "other-list.pem")
        let error = #expect(throws: TLSFileError.self) { try context(.server, "receiver", list: "other-list.pem") }
        switch error {
        case .noListOfIssuer, .listNotAccepted: break
        default: Issue.record("\(String(describing: error))")
        }
        #expect(error?.disposition == .usage)
    }

    @Test("are on a list that has an end: after it nobody is let in, and no agent starts")
    func ended() throws {
        try folder.write(
            """
            [ca]
            default_ca = authority
            [authority]
            database = \(folder.file("index"))
            certificate = \(folder.file("ca.pem"))
            private_key = \(folder.file("ca.key"))
            default_md = sha256
            """, to: "list.conf")
        try folder.openssl(
            "ca", "-config", folder.file("list.conf"), "-gencrl", "-out", folder.file("ended.pem"),
            "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
        let error = #expect(throws: TLSFileError.self) { try context(.server, "receiver", list: "ended.pem") }
        #expect(error == .listExpired(path: folder.file("ended.pem"), notAfter: 1_580_515_200))
        #expect(error?.cause.contains("2020-02-01 00:00:00 UTC") == true)
        #expect(error?.remedy.contains("certs/make-certs --revoke") == true)
    }

    @Test("have a list whose end is known")
    func end() throws {
        try makeList("--list", "--days", "10")
        let notAfter = try #require(try context(.server, "receiver", list: "revoked.pem").revokedNotAfter)
        let daysLeft = Double(notAfter - Int64(Date().timeIntervalSince1970)) / 86400
        #expect((9.9...10.1).contains(daysLeft))
        #expect(try context(.server, "receiver").revokedNotAfter == nil)
    }

    @Test(
        "make-certs refuses what it can't revoke, and changes nothing",
        arguments: [["--revoke", "/nonexistent"], ["--revoke"], ["--list", "a"], ["--list", "--renew"]])
    func badArguments(arguments: [String]) throws {
        #expect(try CertificateFolder.makeCerts(["--out", folder.path] + arguments).status == 2)
        #expect(!FileManager.default.fileExists(atPath: folder.file("revoked.pem")))
    }

    @Test("make-certs does not revoke another authority's")
    func foreign() throws {
        let other = try CertificateFolder()
        let outcome = try CertificateFolder.makeCerts(["--out", folder.path, "--revoke", other.file("sender.pem")])
        #expect(outcome.status == 1 && outcome.text.contains("is not of this authority"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("revoked.db")))
    }
}
