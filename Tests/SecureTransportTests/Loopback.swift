import NIOCore
import OpenSSL
import SecureTransport
import TestCertificates

/// Everything for connections over real sockets on 127.0.0.1.
struct Loopback {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    func context(_ role: TLSRole, _ name: String? = nil) throws -> TLSContext {
        let name = name ?? (role == .client ? "sender" : "receiver")
        return try TLSFiles(
            authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"), key: folder.file("\(name).key")
        ).makeContext(role: role)
    }

    func listen(handshakeTimeout: Duration = .seconds(20), connectionCountMax: Int = 10) async throws -> SecureListener
    {
        let context = try context(.server)
        return try await SecureListener.bind(
            to: HostAndPort(host: "127.0.0.1", port: 0), context: { context },
            handshakeTimeout: handshakeTimeout, connectionCountMax: connectionCountMax)
    }

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
        client: () async throws -> Void
    ) async throws -> [TransportError] {
        let failures = Failures()
        async let running: Void = listener.run(server) { failures.add($1) }
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
