import FerryCore
import NIOCore
import NIOPosix
import OpenSSL
import Synchronization
import Testing

@testable import SecureTransport

@Suite("connections over sockets", .timeLimit(.minutes(2)))
struct ConnectionTests {
    let loopback: Loopback

    init() throws { loopback = try Loopback() }

    /// Sends back all that comes, then says goodbye.
    private static let echo: @Sendable (SecureConnection) async -> Void = { connection in
        while let buffer = try? await connection.read() { try? await connection.write(buffer) }
        await connection.close()
    }

    @Test("64 MiB go both ways at once, in order, within the bounds on memory")
    func echo() async throws {
        let (pieceByteCount, pieceCount) = (256 * 1024, 256)
        let listener = try await loopback.listen()
        let peaks = Mutex((inbound: 0, outbound: 0))
        let echoAndMeasure: @Sendable (SecureConnection) async -> Void = { connection in
            await Self.echo(connection)
            peaks.withLock { $0 = (connection.inbound.byteCountPeak, connection.outbound.byteCountPeak) }
        }
        try await loopback.run(listener, server: echoAndMeasure) {
            let connection = try await loopback.connect(to: listener.localPort)
            async let writing: Void = {
                for number in 0..<pieceCount {
                    try await connection.write(ByteBuffer(repeating: UInt8(number), count: pieceByteCount))
                }
            }()
            var receivedByteCount = 0
            while receivedByteCount < pieceByteCount * pieceCount, var buffer = try await connection.read() {
                while buffer.readableBytes > 0 {
                    let number = receivedByteCount / pieceByteCount
                    let restOfPiece = (number + 1) * pieceByteCount - receivedByteCount
                    let byteCount = min(buffer.readableBytes, restOfPiece)
                    guard let slice = buffer.readSlice(length: byteCount) else { break }
                    #expect(slice == ByteBuffer(repeating: UInt8(number), count: slice.readableBytes))
                    receivedByteCount += slice.readableBytes
                }
            }
            try await writing
            #expect(receivedByteCount == pieceByteCount * pieceCount)
            #expect(connection.sentByteCount > UInt64(receivedByteCount))
            #expect(connection.receivedByteCount > UInt64(receivedByteCount))
            #expect(connection.outbound.byteCountPeak <= TransportLimits.queuedByteCountMax)
            await connection.close()
        }
        let (inboundPeak, outboundPeak) = peaks.withLock { $0 }
        #expect(outboundPeak <= TransportLimits.queuedByteCountMax)
        #expect(inboundPeak <= TransportLimits.receivedByteCountMax + 2 * TransportLimits.socketReadByteCountMax)
    }

    @Test("each side knows who the other is")
    func identities() async throws {
        let listener = try await loopback.listen()
        let seen = Mutex<[String]>([])
        try await loopback.run(listener) { connection in
            seen.withLock { $0 = connection.peerIdentities }
        } client: {
            let connection = try await loopback.connect(to: listener.localPort)
            #expect(connection.peerIdentities == ["receiver.site-b"])
            #expect(connection.peerAddress == "127.0.0.1:\(listener.localPort)")
            #expect(try await connection.read() == nil, "the server said goodbye")
            await connection.close()
        }
        #expect(seen.withLock { $0 } == ["sender.site-a"])
    }

    @Test("a reader that does not read makes the writer wait, and gets everything later")
    func slowReader() async throws {
        let listener = try await loopback.listen()
        let byteCount = 32 * 1024 * 1024
        let received = Mutex(0)
        let (mayRead, allowReading) = AsyncStream.makeStream(of: Void.self)
        try await loopback.run(listener) { connection in
            for await _ in mayRead {}
            while let buffer = try? await connection.read() {
                received.withLock { $0 += buffer.readableBytes }
            }
        } client: {
            let connection = try await loopback.connect(to: listener.localPort)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<byteCount / 65536 {
                        try await connection.write(ByteBuffer(repeating: 1, count: 65536))
                    }
                }
                while connection.outbound.waitingWriterCount == 0 { await Task.yield() }
                // The kernel's buffers on both sides and our own bounds, and still far from all.
                #expect(connection.sentByteCount < UInt64(byteCount))
                allowReading.finish()
                try await group.waitForAll()
            }
            await connection.close()
        }
        #expect(received.withLock { $0 } == byteCount)
    }

    @Test("close sends what is queued before the goodbye")
    func closeFlushes() async throws {
        let listener = try await loopback.listen()
        let received = Mutex((byteCount: 0, isCleanEnd: false))
        try await loopback.run(listener) { connection in
            do {
                while let buffer = try await connection.read() {
                    received.withLock { $0.byteCount += buffer.readableBytes }
                }
                received.withLock { $0.isCleanEnd = true }
            } catch {}
        } client: {
            let connection = try await loopback.connect(to: listener.localPort)
            for _ in 0..<16 { try await connection.write(ByteBuffer(repeating: 1, count: 1 << 20)) }
            await connection.close()
            await connection.close()
            await #expect(throws: TransportError.closed(address: connection.peerAddress)) {
                try await connection.write(ByteBuffer(string: "late"))
            }
        }
        #expect(received.withLock { $0.byteCount } == 16 << 20)
        #expect(received.withLock { $0.isCleanEnd })
    }

    @Test("abort is a cut for the peer")
    func abort() async throws {
        let listener = try await loopback.listen()
        let failures = Failures()
        let arrived = Mutex(false)
        try await loopback.run(listener) { connection in
            do throws(TransportError) {
                while try await connection.read() != nil { arrived.withLock { $0 = true } }
            } catch {
                failures.add(error)
            }
        } client: {
            let connection = try await loopback.connect(to: listener.localPort)
            try await connection.write(ByteBuffer(string: "hello"))
            // What is reset before the server has seen the end of the handshake is no connection yet.
            while !arrived.withLock({ $0 }) { await Task.yield() }
            connection.abort()
            await #expect(throws: TransportError.closed(address: connection.peerAddress)) {
                try await connection.read()
            }
        }
        #expect(failures.all.count == 1)
        guard case .cut = failures.all.first else {
            Issue.record("\(failures.all)")
            return
        }
    }

    @Test("a cancelled read leaves the connection usable")
    func cancelledRead() async throws {
        let listener = try await loopback.listen()
        try await loopback.run(listener, server: Self.echo) {
            let connection = try await loopback.connect(to: listener.localPort)
            let reader = Task { try await connection.read() }
            reader.cancel()
            await #expect(throws: TransportError.cancelled) { try await reader.value }
            try await connection.write(ByteBuffer(string: "still here"))
            #expect(try await connection.read() == ByteBuffer(string: "still here"))
            await connection.close()
        }
    }
}
