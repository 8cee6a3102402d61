import TestCertificates
import Testing

@testable import OpenSSL

@Suite("two TLS connections talk in memory")
struct TLSConversationTests {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    private func openPair() throws -> TLSPair {
        let pair = try TLSPair(client: folder, server: folder)
        try pair.handshake()
        return pair
    }

    @Test("after the handshake each side knows the other's names")
    func handshake() throws {
        let pair = try TLSPair(client: folder, server: folder)
        #expect(pair.client.peerIdentities.isEmpty)
        try pair.handshake()
        #expect(pair.client.isHandshakeComplete && pair.server.isHandshakeComplete)
        #expect(pair.server.peerIdentities == ["sender.site-a"])
        #expect(pair.client.peerIdentities == ["receiver.site-b"])
    }

    @Test("all DNS and URI names are told, in their order, and nothing else")
    func identities() throws {
        try folder.issue(
            "many", .init(alternativeNames: "DNS:one,IP:127.0.0.1,URI:ferry://two,DNS:three", usage: "clientAuth"))
        let pair = try TLSPair(client: folder, server: folder, clientCertificate: "many")
        try pair.handshake()
        #expect(pair.server.peerIdentities == ["one", "ferry://two", "three"])
    }

    @Test("bytes arrive as they were sent, both ways at once")
    func bothWays() throws {
        let pair = try openPair()
        let (up, down) = ([UInt8](repeating: 7, count: 300_000), [UInt8](repeating: 9, count: 70_000))
        let (upward, downward) = (try pair.client.encrypt(up), try pair.server.encrypt(down))
        #expect(try pair.server.decrypt(upward) == (up, .wantsInput))
        #expect(try pair.client.decrypt(downward) == (down, .wantsInput))
    }

    @Test("no bytes make no record")
    func nothing() throws {
        #expect(try openPair().client.encrypt([]).isEmpty)
    }

    @Test("the ciphertext is as large as foretold, at most", arguments: [1, 16_384, 16_385, 245_760])
    func foretold(byteCount: Int) throws {
        let ciphertext = try openPair().client.encrypt([UInt8](repeating: 1, count: byteCount))
        #expect(ciphertext.count <= TLSConnection.ciphertextByteCountMax(plaintextByteCount: byteCount))
    }

    @Test("any slicing of the ciphertext gives the same plaintext", arguments: 0..<20 as Range<UInt64>)
    func slicing(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let pair = try openPair()
        let plaintext = (0..<Int.random(in: 1...200_000, using: &random)).map { UInt8(truncatingIfNeeded: $0) }
        var ciphertext = try pair.client.encrypt(plaintext)
        pair.client.sendCloseNotify()
        ciphertext += pair.client.output()
        var received: [UInt8] = []
        var state = TLSConnection.State.wantsInput
        while !ciphertext.isEmpty {
            let slice = Array(ciphertext.prefix(Int.random(in: 1...40_000, using: &random)))
            ciphertext.removeFirst(slice.count)
            let (bytes, next) = try pair.server.decrypt(slice, capacity: Int.random(in: 1...30_000, using: &random))
            received += bytes
            state = next
        }
        #expect(received == plaintext, "seed \(seed)")
        #expect(state == .peerClosed, "seed \(seed)")
    }

    @Test("a handshake that comes byte by byte completes")
    func slowHandshake() throws {
        let pair = try TLSPair(client: folder, server: folder)
        try pair.client.take([])
        for byte in pair.client.output() { try pair.server.take([byte]) }
        for byte in pair.server.output() { try pair.client.take([byte]) }
        for byte in pair.client.output() { try pair.server.take([byte]) }
        #expect(pair.server.isHandshakeComplete)
    }

    @Test("a buffer that is too small loses nothing; the rest comes first the next time")
    func smallBuffer() throws {
        let pair = try openPair()
        let plaintext = [UInt8](repeating: 3, count: 50_000)
        var ciphertext = try [UInt8](rawCapacity: 100) { (span) throws(TLSError) in
            try pair.client.write(plaintext.span.bytes, into: &span)
        }
        #expect(ciphertext.count == 100)
        ciphertext += try pair.client.encrypt([4])
        ciphertext += pair.client.output()
        #expect(try pair.server.decrypt(ciphertext).0 == plaintext + [4])
    }

    @Test("keys change in the middle without anyone noticing")
    func keyUpdate() throws {
        let pair = try openPair()
        for round in 0..<5 as Range<UInt8> {
            try pair.client.updateKey()
            try pair.server.updateKey()
            #expect(try pair.server.decrypt(pair.client.encrypt([round])).0 == [round])
            #expect(try pair.client.decrypt(pair.server.encrypt([round])).0 == [round])
        }
    }

    @Test("a goodbye is a clean end, and the other direction stays open")
    func cleanEnd() throws {
        let pair = try openPair()
        pair.client.sendCloseNotify()
        #expect(try pair.server.decrypt(pair.client.output()) == ([], .peerClosed))
        try pair.server.inputEnded()
        #expect(try pair.client.decrypt(pair.server.encrypt([5])).0 == [5])
    }

    @Test("an end without a goodbye is a cut")
    func cut() throws {
        let pair = try openPair()
        _ = try pair.server.decrypt(pair.client.encrypt([1]))
        #expect(throws: TLSError.cut(duringHandshake: false)) { try pair.server.inputEnded() }
        let fresh = try TLSPair(client: folder, server: folder)
        #expect(throws: TLSError.cut(duringHandshake: true)) { try fresh.server.inputEnded() }
    }

    @Test("damaged bytes are noticed; what came before them is delivered first")
    func damage() throws {
        let pair = try openPair()
        let good = try pair.client.encrypt([1, 2, 3])
        var bad = try pair.client.encrypt([4, 5, 6])
        bad[10] ^= 1
        var plaintext: [UInt8] = []
        plaintext = try [UInt8](rawCapacity: 100) { (span) throws(TLSError) in
            _ = try pair.server.read((good + bad).span.bytes, into: &span)
        }
        #expect(plaintext == [1, 2, 3])
        let error = #expect(throws: TLSError.self) { try pair.server.decrypt([]) }
        guard case .protocolViolation = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.disposition == .temporary)
    }

    @Test("no session is offered for resumption")
    func noTickets() throws {
        let pair = try openPair()
        #expect(pair.server.output().isEmpty)
    }
}

/// A small seeded generator, so that a failing case can be run again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
