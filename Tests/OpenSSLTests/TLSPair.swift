import OpenSSL
import TestCertificates

/// Two connections with a wire of memory between them.
struct TLSPair {
    let client: TLSConnection
    let server: TLSConnection

    /// A client of `clientFolder` and a server of `serverFolder`, both by default as make-certs makes them.
    init(
        client clientFolder: CertificateFolder, server serverFolder: CertificateFolder,
        clientCertificate: String = "sender", serverCertificate: String = "receiver",
        serverName: String = "receiver.site-b"
    ) throws {
        client = try TLSConnection(
            client: Self.context(.client, clientFolder, clientCertificate), serverName: serverName)
        server = try TLSConnection(server: Self.context(.server, serverFolder, serverCertificate))
    }

    static func context(_ role: TLSRole, _ folder: CertificateFolder, _ name: String) throws -> TLSContext {
        try TLSContext(
            role: role, authority: folder.file("ca.pem"), certificate: folder.file("\(name).pem"),
            key: folder.file("\(name).key"))
    }

    /// Brings the handshake to its end on both sides.
    func handshake() throws {
        try client.take([])
        try server.take(client.output())
        try client.take(server.output())
        try server.take(client.output())
    }
}

extension TLSConnection {
    /// What waits to be sent.
    func output() -> [UInt8] {
        let byteCount = pendingOutputByteCount
        return [UInt8](rawCapacity: byteCount) { takeOutput(into: &$0) }
    }

    /// Takes ciphertext during the handshake.
    func take(_ ciphertext: [UInt8]) throws(TLSError) {
        _ = try handshake(ciphertext.span.bytes)
    }

    /// The ciphertext of `plaintext`.
    func encrypt(_ plaintext: [UInt8]) throws(TLSError) -> [UInt8] {
        let byteCount =
            Self.ciphertextByteCountMax(plaintextByteCount: plaintext.count) + pendingOutputByteCount
        return try [UInt8](rawCapacity: byteCount) { (span) throws(TLSError) in
            try write(plaintext.span.bytes, into: &span)
        }
    }

    /// The plaintext in `ciphertext`, read through buffers of `capacity` bytes, and what came last.
    func decrypt(_ ciphertext: [UInt8], capacity: Int = 64 * 1024) throws(TLSError) -> ([UInt8], State) {
        var plaintext: [UInt8] = []
        var left = ciphertext
        while true {
            var progress: Progress?
            plaintext += try [UInt8](rawCapacity: capacity) { (span) throws(TLSError) in
                progress = try read(left.span.bytes, into: &span)
            }
            guard let progress else { return (plaintext, .wantsInput) }
            left.removeFirst(progress.consumedByteCount)
            if progress.state != .outputFull { return (plaintext, progress.state) }
        }
    }
}

extension [UInt8] {
    /// An array filled through a raw span.
    init<Failure: Error>(
        rawCapacity: Int, _ fill: (inout OutputRawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: rawCapacity, alignment: 1)
        defer { memory.deallocate() }
        var span = OutputRawSpan(buffer: memory, initializedCount: 0)
        try fill(&span)
        let count = span.finalize(for: memory)
        self = Array(memory[..<count])
    }
}
