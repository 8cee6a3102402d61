import ArgumentParser
import Foundation
import NIOCore
import OpenSSL
import SecureTransport
import TestCertificates

/// `benchmark-parts transport`
struct TransportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transport", abstract: "Sends bytes through our own TLS connection on loopback.",
        discussion: """
            One process is both ends; each end has an event loop of its own. Counted from the first write, after the \
            handshake, until the last byte was read.
            """)

    @Option(name: .long, help: "How much to send.")
    var mebibytes = 1024

    func validate() throws {
        guard (1...(1 << 20)).contains(mebibytes) else { throw ValidationError("--mebibytes takes 1 to 1048576") }
    }

    func run() async throws {
        let certificates = try CertificateFolder()
        let serverContext = try certificates.context(.server)
        let listener = try await SecureListener.bind(
            to: HostAndPort(host: "127.0.0.1", port: 0), context: { serverContext }, handshakeTimeout: .seconds(20),
            connectionCountMax: 1)
        async let serving: Void = listener.run(Self.discard) { _, _ in }
        let connection = try await SecureConnector.connect(
            to: HostAndPort(host: "127.0.0.1", port: listener.localPort), serverName: "receiver.site-b",
            context: certificates.context(.client), connectTimeout: .seconds(20), handshakeTimeout: .seconds(20))
        try printResult(try await measure(connection))
        await connection.close()
        await listener.close()
        await serving
    }

    private func measure(_ connection: SecureConnection) async throws -> TransportResult {
        let buffer = ByteBuffer(repeating: 0xA5, count: 1 << 20)
        // An answer of one byte is the sign that the connection is up on both sides, the second that all has come.
        try await connection.write(ByteBuffer(integer: UInt64(mebibytes) << 20))
        _ = try await connection.read()
        let stopwatch = Stopwatch()
        for _ in 0..<mebibytes { try await connection.write(buffer) }
        guard try await connection.read() != nil else { throw MeasurementError("the reader ended early") }
        return TransportResult(bytes: mebibytes << 20, since: stopwatch)
    }

    /// The other end: is told how many bytes will come, and answers at once and when they have.
    private static let discard: @Sendable (SecureConnection) async -> Void = { connection in
        var expectedByteCount: UInt64?
        var byteCount: UInt64 = 0
        // An error here is one at the other end, too, where it is reported.
        while var buffer = try? await connection.read() {
            if expectedByteCount == nil {
                expectedByteCount = buffer.readInteger()
                try? await connection.write(ByteBuffer(integer: UInt8(0)))
            }
            byteCount += UInt64(buffer.readableBytes)
            if byteCount == expectedByteCount { try? await connection.write(ByteBuffer(integer: UInt8(1))) }
        }
    }
}

extension CertificateFolder {
    /// The context that an agent would make of the files of its side.
    fileprivate func context(_ role: TLSRole) throws -> TLSContext {
        let name = role == .client ? "sender" : "receiver"
        return try TLSFiles(authority: file("ca.pem"), certificate: file("\(name).pem"), key: file("\(name).key"))
            .makeContext(role: role)
    }
}
