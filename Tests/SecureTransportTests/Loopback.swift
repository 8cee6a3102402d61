import NIOCore
import OpenSSL
import SecureTransport
import TestCertificates

/// Everything for connections over real sockets on 127.0.0.1.
struct Loopback {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    func context(_ role: TLSRole, _ name: String? = nil, revoked: String? = nil) throws -> TLSContext {
        let name = name ?? (role == .client ? "sender" : "receiver")
        return try TLSFiles(
            authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"), key: folder.file("\(name).key"),
            revoked: revoked
        ).makeContext(role: role)
    }

    /// A listener; with `revoked`, it reads the list of revoked certificates whenever it needs a context.
    func listen(
        handshakeTimeout: Duration = .seconds(20), connectionCountMax: Int = 10, strangerCountMax: Int = 10,
        revoked: Bool = false
    ) async throws -> SecureListener {
        if revoked { try makeList("--list") }
        let list = revoked ? folder.file("revoked.pem") : nil
        let begun = try context(.server, revoked: list)
        return try await SecureListener.bind(
            to: HostAndPort(host: "127.0.0.1", port: 0),
            context: { revoked ? (try? context(.server, revoked: list)) ?? begun : begun },
            handshakeTimeout: handshakeTimeout, connectionCountMax: connectionCountMax,
            strangerCountMax: strangerCountMax)
    }

    /// Revokes a certificate of the folder.
    func revoke(_ name: String) throws { try makeList("--revoke", folder.file("\(name).pem")) }

    private func makeList(_ arguments: String...) throws {
        let made = try CertificateFolder.makeCerts(["--out", folder.path] + arguments)
        guard made.status == 0 else { throw CommandFailed(text: made.text) }
    }

    private struct CommandFailed: Error { let text: String }

    func connect(
        to port: Int, serverName: String = "receiver.site-b", context: TLSContext? = nil,
        handshakeTimeout: Duration = .seconds(20)
    ) async throws -> SecureConnection {
        try await SecureConnector.connect(
            to: HostAndPort(host: "127.0.0.1", port: port), serverName: serverName,
            context: context ?? self.context(.client), connectTimeout: .seconds(20),
            handshakeTimeout: handshakeTimeout)
    }

    /// Runs `client` against a listener that serves with `server`, then closes the listener; the handshakes that failed
    /// at the listener.
    @discardableResult
    func run(
        _ listener: SecureListener, server: @escaping @Sendable (SecureConnection) async -> Void,
        turnAway: @escaping @Sendable (SecureConnection) async -> Void = { _ in },
        client: () async throws -> Void
    ) async throws -> [TransportError] {
        let failures = Failures()
        async let running: Void = listener.run(server, turnAway: turnAway) { failures.add($1) }
        do {
            try await client()
        } catch {
            await listener.close()
            await running
            throw error
        }
        await listener.close()
        await running
        return failures.all
    }
}
