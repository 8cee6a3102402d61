import ArgumentParser
import Foundation
import TestCertificates
import Threading

/// `benchmark-parts transport-libssl`
struct LibsslCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transport-libssl",
        abstract: "Sends bytes with SSL_write and SSL_read on blocking sockets, to compare with.",
        discussion: """
            Two threads of one process, one for each end. Counted from the first write, after the handshake, until the \
            last byte was read.
            """)

    @Option(name: .long, help: "How much to send.")
    var mebibytes = 1024

    @Option(name: .long, help: "Cipher suites, first choice first; without it, libssl's own choice.")
    var cipherSuites: String?

    @Option(name: .long, help: "Bytes that libssl reads from the socket at once; 0: a record's head, then its body.")
    var readAheadBytes = 0

    @Option(name: .long, help: "Bytes that each SSL_read asks for.")
    var readBytes = 16 << 10

    func validate() throws {
        guard (1...(1 << 20)).contains(mebibytes) else { throw ValidationError("--mebibytes takes 1 to 1048576") }
        guard (0...(1 << 20)).contains(readAheadBytes) else {
            throw ValidationError("--read-ahead-bytes takes 0 to 1048576")
        }
        guard (1...(1 << 20)).contains(readBytes) else { throw ValidationError("--read-bytes takes 1 to 1048576") }
    }

    func run() async throws {
        let certificates = try CertificateFolder()
        let (clientSocket, serverSocket) = try LoopbackSocket.pair()
        let client = try LibsslEnd(
            .client, on: clientSocket, certificates, cipherSuites: cipherSuites, readAheadByteCount: 0)
        let server = try LibsslEnd(
            .server, on: serverSocket, certificates, cipherSuites: cipherSuites, readAheadByteCount: readAheadBytes)
        let threads = BlockingThreads(count: 2)
        async let accepting: Void = threads.run { try server.handshake() }
        try await threads.run { try client.handshake() }
        try await accepting

        let (byteCount, readByteCount) = (mebibytes << 20, readBytes)
        let stopwatch = Stopwatch()
        async let writing: Void = threads.run { try client.write(byteCount: byteCount, atOnce: 1 << 20) }
        try await threads.run { try server.discard(byteCount: byteCount, atOnce: readByteCount) }
        let result = TransportResult(bytes: byteCount, since: stopwatch)
        try await writing
        try printResult(result)
    }
}
