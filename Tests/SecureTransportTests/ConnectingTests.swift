import FerryCore
import NIOCore
import NIOPosix
import OpenSSL
import TestCertificates
import Testing

@testable import SecureTransport

@Suite("connecting and listening", .timeLimit(.minutes(2)))
struct ConnectingTests {
    let loopback: Loopback

    init() throws { loopback = try Loopback() }

    private static let untilPeerEnds: @Sendable (SecureConnection) async -> Void = { connection in
        while (try? await connection.read()) != nil {}
    }

    @Test("a port where nobody listens is refused, and worth another try")
    func refused() async throws {
        let listener = try await loopback.listen()
        let port = listener.localPort
        await listener.close()
        let error = await #expect(throws: TransportError.self) { try await loopback.connect(to: port) }
        #expect(error == .refused(address: "127.0.0.1:\(port)"))
        #expect(error?.disposition == .temporary)
    }

    @Test("a name without an address is named")
    func unresolved() async throws {
        let error = await #expect(throws: TransportError.self) {
            try await SecureConnector.connect(
                to: HostAndPort(host: "nowhere.invalid", port: 1), serverName: "a", context: loopback.context(.client),
                connectTimeout: .seconds(20), handshakeTimeout: .seconds(20))
        }
        guard case .unresolved("nowhere.invalid", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a port that is taken can't be listened on")
    func taken() async throws {
        let listener = try await loopback.listen()
        let context = try loopback.context(.server)
        await #expect(
            throws: TransportError.cannotListen(
                address: "127.0.0.1:\(listener.localPort)", reason: "Address already in use")
        ) {
            try await SecureListener.bind(
                to: HostAndPort(host: "127.0.0.1", port: listener.localPort), context: { context },
                handshakeTimeout: .seconds(1), connectionCountMax: 1)
        }
        await listener.close()
    }

    @Test("the wrong server name fails both sides with a reason")
    func wrongName() async throws {
        let listener = try await loopback.listen()
        let failures = try await loopback.run(listener, server: Self.untilPeerEnds) {
            let error = await #expect(throws: TransportError.self) {
                try await loopback.connect(to: listener.localPort, serverName: "other")
            }
            guard case .tls(_, .peerNameMismatch(expected: "other", _)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.disposition == .unauthorized)
        }
        guard case .tls(_, .peerRefusedOurCertificate) = failures.first else {
            Issue.record("\(failures)")
            return
        }
    }

    @Test("a client that the server refuses hears the reason on its first read, even if it has written a lot")
    func refusedClient() async throws {
        let stranger = try CertificateFolder()
        try stranger.write(
            stranger.text(of: "ca.pem") + loopback.folder.text(of: "ca.pem"), to: "ca.pem")
        let context = try TLSContext(
            role: .client, authority: stranger.file("ca.pem"), certificate: stranger.file("sender.pem"),
            key: stranger.file("sender.key"))
        let listener = try await loopback.listen()
        let failures = try await loopback.run(listener, server: Self.untilPeerEnds) {
            let connection = try await loopback.connect(to: listener.localPort, context: context)
            try? await connection.write(ByteBuffer(repeating: 0, count: 1 << 20))
            let error = await #expect(throws: TransportError.self) { try await connection.read() }
            #expect(
                error == .tls(address: connection.peerAddress, .peerRefusedOurCertificate(alert: "unknown CA")))
            await connection.close()
        }
        guard case .tls(_, .peerAuthorityUnknown) = failures.first else {
            Issue.record("\(failures)")
            return
        }
    }

    @Test("a peer that never speaks is dropped")
    func silentPeer() async throws {
        let listener = try await loopback.listen(handshakeTimeout: .milliseconds(50))
        let failures = try await loopback.run(listener, server: Self.untilPeerEnds) {
            let silent = try await ClientBootstrap(group: TransportChannel.threads)
                .connect(host: "127.0.0.1", port: listener.localPort).get()
            try await silent.closeFuture.get()
        }
        #expect(failures.count == 1)
        guard case .handshakeTimedOut(_, after: .milliseconds(50)) = failures.first else {
            Issue.record("\(failures)")
            return
        }
    }

    @Test("a server that never answers is given up")
    func silentServer() async throws {
        let silent = try await ServerBootstrap(group: TransportChannel.threads)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = silent.localAddress?.port ?? 0
        await #expect(
            throws: TransportError.handshakeTimedOut(address: "127.0.0.1:\(port)", after: .milliseconds(50))
        ) { try await loopback.connect(to: port, handshakeTimeout: .milliseconds(50)) }
        try await silent.close()
    }

    @Test("connecting can be cancelled while the server keeps silent")
    func cancelConnect() async throws {
        let (accepted, noteAccepted) = AsyncStream.makeStream(of: Void.self)
        let silent = try await ServerBootstrap(group: TransportChannel.threads)
            .childChannelInitializer { channel in
                noteAccepted.yield()
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let connecting = Task { try await loopback.connect(to: silent.localAddress?.port ?? 0) }
        for await _ in accepted { break }
        connecting.cancel()
        await #expect(throws: TransportError.cancelled) { try await connecting.value }
        try await silent.close()
    }

    @Test("a client too many is turned away, and may try again later")
    func tooMany() async throws {
        let listener = try await loopback.listen(connectionCountMax: 1)
        let turnAway: @Sendable (SecureConnection) async -> Void = { connection in
            try? await connection.write(ByteBuffer(string: "full"))
        }
        try await loopback.run(listener, server: Self.untilPeerEnds, turnAway: turnAway) {
            let first = try await loopback.connect(to: listener.localPort)
            try await first.write(ByteBuffer(string: "served"))
            while listener.clientCount == 0 { await Task.yield() }
            let second = try await loopback.connect(to: listener.localPort)
            #expect(try await second.read() == ByteBuffer(string: "full"))
            #expect(listener.turnedAwayCount == 1)
            await second.close()
            await first.close()
            while listener.connectionCount > 0 { await Task.yield() }
            await (try loopback.connect(to: listener.localPort)).close()
        }
    }

    @Test("strangers too many are dropped, the oldest first, and a client is served beside them")
    func strangers() async throws {
        // On a busy machine their time must not run out first.
        let listener = try await loopback.listen(
            handshakeTimeout: .seconds(120), connectionCountMax: 1, strangerCountMax: 2)
        let failures = try await loopback.run(listener, server: Self.untilPeerEnds) {
            var silent: [any Channel] = []
            for number in 0..<4 {
                silent.append(
                    try await ClientBootstrap(group: TransportChannel.threads)
                        .connect(host: "127.0.0.1", port: listener.localPort).get())
                // Several threads let them in: which of them is the oldest is known only when each waits for the one before.
                guard number < 2 else {
                    try await silent[number - 2].closeFuture.get()
                    continue
                }
                while listener.connectionCount <= number { await Task.yield() }
            }
            await (try loopback.connect(to: listener.localPort)).close()
            try await silent[2].closeFuture.get()
            #expect(listener.turnedAwayCount == 3)
            try await silent[3].close()
        }
        #expect(failures.filter { $0 == .crowdedOut }.count == 3)
    }

    @Test("a connection ends when its peer would not be let in any more")
    func checkPeers() async throws {
        try loopback.folder.issue("other", .init(alternativeNames: "DNS:other", usage: "clientAuth"))
        let listener = try await loopback.listen(revoked: true)
        try await loopback.run(listener, server: Self.untilPeerEnds) {
            let other = try await loopback.connect(to: listener.localPort, context: loopback.context(.client, "other"))
            let good = try await loopback.connect(to: listener.localPort)
            for connection in [other, good] { try await connection.write(ByteBuffer(string: "hello")) }
            while listener.clientCount < 2 { await Task.yield() }
            listener.checkPeers()
            try loopback.revoke("other")
            listener.checkPeers()
            await #expect(throws: TransportError.self) { try await other.read() }
            try await good.write(ByteBuffer(string: "still here"))
            await good.close()
            await other.close()
        }
    }

    @Test("closing the listener ends run, and lets a conversation finish")
    func closing() async throws {
        let listener = try await loopback.listen()
        async let running: Void = listener.run(Self.untilPeerEnds) { _, _ in }
        let connection = try await loopback.connect(to: listener.localPort)
        await listener.close()
        await #expect(throws: TransportError.self) { try await loopback.connect(to: listener.localPort) }
        try await connection.write(ByteBuffer(string: "still served"))
        await connection.close()
        await running
    }

    @Test("cancelling run ends the listener and its conversations")
    func cancelling() async throws {
        let listener = try await loopback.listen()
        let greet: @Sendable (SecureConnection) async -> Void = { connection in
            try? await connection.write(ByteBuffer(string: "hello"))
            await Self.untilPeerEnds(connection)
        }
        let running = Task { await listener.run(greet) { _, _ in } }
        let connection = try await loopback.connect(to: listener.localPort)
        #expect(try await connection.read() == ByteBuffer(string: "hello"))
        running.cancel()
        #expect(try await connection.read() == nil, "a goodbye, not a cut")
        await running.value
        await connection.close()
        while listener.connectionCount > 0 { await Task.yield() }
    }
}
