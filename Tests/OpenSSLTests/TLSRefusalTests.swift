import FerryCore
import TestCertificates
import Testing

@testable import OpenSSL

@Suite("peers that are not who they should be")
struct TLSRefusalTests {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    /// Runs the handshake until the server has seen the client's certificate; what the server makes of it.
    private func serverRefusal(_ pair: TLSPair) throws -> TLSError? {
        try pair.client.take([])
        try pair.server.take(pair.client.output())
        try pair.client.take(pair.server.output())
        #expect(pair.client.isHandshakeComplete, "a TLS 1.3 client is done first")
        return #expect(throws: TLSError.self) { try pair.server.take(pair.client.output()) }
    }

    /// Runs the handshake until the client has seen the server's certificate; what the client makes of it.
    private func clientRefusal(_ pair: TLSPair) throws -> TLSError? {
        try pair.client.take([])
        try pair.server.take(pair.client.output())
        return #expect(throws: TLSError.self) { try pair.client.take(pair.server.output()) }
    }

    @Test("another name than expected is refused, with both names")
    func wrongName() throws {
        let pair = try TLSPair(client: folder, server: folder, serverName: "receiver.site-c")
        let error = try clientRefusal(pair)
        guard case .peerNameMismatch("receiver.site-c", let peer) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(peer.names == ["receiver.site-b"])
        #expect(error?.cause == "the peer's certificate is for 'receiver.site-b', not for 'receiver.site-c'")
        #expect(error?.disposition == .unauthorized)
    }

    @Test("a name in the subject only does not count")
    func commonName() throws {
        // The subject's common name of issued certificates is "unused".
        try folder.issue("server", .init(alternativeNames: "DNS:other", usage: "serverAuth"))
        let pair = try TLSPair(client: folder, server: folder, serverCertificate: "server", serverName: "unused")
        #expect(try clientRefusal(pair)?.cause.contains("'other'") == true)
    }

    @Test("a name that no certificate can hold is a mistake of ours", arguments: ["", ".site-b", "a b", "a/b", "ä"])
    func unusableName(name: String) throws {
        #expect(throws: TLSError.unusableServerName(name)) {
            _ = try TLSPair(client: folder, server: folder, serverName: name)
        }
    }

    @Test("an address can be the expected name")
    func address() throws {
        try folder.issue("server", .init(alternativeNames: "IP:127.0.0.1", usage: "serverAuth"))
        let pair = try TLSPair(client: folder, server: folder, serverCertificate: "server", serverName: "127.0.0.1")
        try pair.handshake()
        #expect(pair.client.isHandshakeComplete)
    }

    @Test("a client of another authority is refused by the server, and told so on its first read")
    func unknownClient() throws {
        let other = try CertificateFolder()
        // It trusts the server's authority; its own certificate comes from another.
        try other.write(other.text(of: "ca.pem") + folder.text(of: "ca.pem"), to: "ca.pem")
        let pair = try TLSPair(client: other, server: folder)
        let error = try serverRefusal(pair)
        guard case .peerAuthorityUnknown(let peer) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(peer.names == ["sender.site-a"])
        let told = #expect(throws: TLSError.self) { try pair.client.decrypt(pair.server.output()) }
        #expect(told == .peerRefusedOurCertificate(alert: "unknown CA"))
        #expect(told?.disposition == .unauthorized)
    }

    @Test("a server of another authority is refused by the client, and told so")
    func unknownServer() throws {
        let other = try CertificateFolder()
        let pair = try TLSPair(client: folder, server: other)
        let error = try clientRefusal(pair)
        guard case .peerAuthorityUnknown = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(throws: TLSError.peerRefusedOurCertificate(alert: "unknown CA")) {
            try pair.server.take(pair.client.output())
        }
    }

    @Test("a peer whose certificate ended since it started is refused, with the date")
    func expired() throws {
        // The peer's own check would refuse it, so the peer is the openssl command.
        try folder.issue("old", .init(alternativeNames: "DNS:old", usage: "clientAuth", days: -2 ... -1))
        let error = try opensslClient(["-cert", folder.file("old.pem"), "-key", folder.file("old.key")])
        guard case .peerCertificateExpired(let peer) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(peer.names == ["old"])
        #expect(error?.cause.contains("UTC") == true)
    }

    @Test("a peer whose certificate is for the other side is refused")
    func wrongPurpose() throws {
        let error = try opensslClient(["-cert", folder.file("receiver.pem"), "-key", folder.file("receiver.key")])
        guard case .peerCertificateWrongPurpose(_, role: .client) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a peer without a certificate is refused")
    func noCertificate() throws {
        #expect(try opensslClient([]) == .peerSentNoCertificate)
    }

    @Test("a peer that speaks TLS 1.2 only is refused")
    func olderTLS() throws {
        #expect(try opensslClient(["-tls1_2"]) == .peerSpeaksOlderTLS)
    }

    @Test(
        "a peer that does not speak TLS is named so",
        arguments: ["GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "rbd diff v2\nfffffffffffffffff"])
    func noTLS(text: String) throws {
        let server = try TLSConnection(server: TLSPair.context(.server, folder, "receiver"))
        #expect(throws: TLSError.peerDoesNotSpeakTLS) { try server.take(Array(text.utf8)) }
        let client = try TLSConnection(client: TLSPair.context(.client, folder, "sender"), serverName: "a")
        try client.take([])
        #expect(throws: TLSError.peerDoesNotSpeakTLS) { try client.take(Array(text.utf8)) }
    }

    /// Lets the openssl command connect to a server of ours; what the server makes of it.
    private func opensslClient(_ arguments: [String]) throws -> TLSError? {
        let server = try TLSConnection(server: TLSPair.context(.server, folder, "receiver"))
        let socket = try LoopbackSocket()
        let peer = try socket.startOpenSSLClient(["-CAfile", folder.file("ca.pem")] + arguments)
        defer { peer.end() }
        return try socket.serve(server)
    }
}
