import Foundation
import Glibc
import Synchronization

/// A TCP proxy between a sender and a receiver that goes wrong after so many bytes from the sender.
final class Proxy: Sendable {
    /// What it does once the sender has sent that many bytes.
    enum Trouble: Sendable {
        /// Goes on; only tells.
        case none
        /// Ends both connections.
        case cut
        /// Takes the sender's bytes, and passes nothing on any more.
        case swallow
        /// Takes no more bytes until it is released.
        case hold
    }
    private struct State: Sendable {
        var sentByteCount = 0
        var isReleased = false
        var isClosed = false
    }

    let port: Int
    private let listener: Int32
    private let target: Int
    private let limit: Int
    private let trouble: Trouble
    private let state = Mutex(State())

    /// A proxy to a port of 127.0.0.1, with `trouble` after `limit` bytes from the sender.
    init(to target: Int, after limit: Int, _ trouble: Trouble) throws {
        self.target = target
        self.limit = limit
        self.trouble = trouble
        listener = try LoopbackSocket.listen()
        port = LoopbackSocket.port(of: listener)
        Thread.detachNewThread { [self] in acceptAll() }
    }

    /// Bytes that senders have sent so far.
    var sentByteCount: Int { state.withLock { $0.sentByteCount } }

    /// Waits until the limit is reached.
    func reached() async throws {
        try await eventually("\(limit) bytes are sent") { sentByteCount >= limit }
    }

    /// Waits until the sender sends nothing more.
    func quiet() async throws {
        var last = (count: sentByteCount, time: ContinuousClock.now)
        try await eventually("the sender stops sending") {
            if sentByteCount != last.count { last = (sentByteCount, .now) }
            return ContinuousClock.now - last.time > .milliseconds(300)
        }
    }

    /// Ends a hold.
    func release() { state.withLock { $0.isReleased = true } }

    /// Takes no more connections. Those that are open stay until an end is closed.
    func close() {
        state.withLock { $0.isClosed = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func acceptAll() {
        while !state.withLock({ $0.isClosed }) {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard let server = try? LoopbackSocket.connect(to: target) else {
                Glibc.close(client)
                continue
            }
            let pair = SocketPair(client: client, server: server)
            Thread.detachNewThread { [self] in pumpSender(pair) }
            Thread.detachNewThread { [self] in pumpReceiver(pair) }
        }
        Glibc.close(listener)
    }

    private func pumpSender(_ pair: SocketPair) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(pair.client, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            let before = state.withLock { state in
                defer { state.sentByteCount += count }
                return state.sentByteCount
            }
            let passed = max(0, min(count, limit - before))
            guard passed < count, !state.withLock({ $0.isReleased }) else {
                guard LoopbackSocket.send(buffer[..<count], to: pair.server) else { break }
                continue
            }
            guard handle(buffer[..<count], passed, pair) else { break }
        }
        pair.end()
    }

    /// Passes on what is below the limit, then makes trouble. False when the connection is over.
    private func handle(_ bytes: ArraySlice<UInt8>, _ passed: Int, _ pair: SocketPair) -> Bool {
        guard LoopbackSocket.send(bytes.prefix(passed), to: pair.server) else { return false }
        switch trouble {
        case .none: break
        case .cut: return false
        case .swallow: return true
        case .hold:
            while !state.withLock({ $0.isReleased || $0.isClosed }) { usleep(5000) }
        }
        return LoopbackSocket.send(bytes.dropFirst(passed), to: pair.server)
    }

    private func pumpReceiver(_ pair: SocketPair) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(pair.server, &buffer, buffer.count, 0)
            guard count > 0, LoopbackSocket.send(buffer[..<count], to: pair.client) else { break }
        }
        pair.end()
    }
}

/// The two sockets of one proxied connection; closed once both directions have ended.
final class SocketPair: Sendable {
    let client: Int32
    let server: Int32
    private let openCount = Mutex(2)

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    func end() {
        for socket in [client, server] { shutdown(socket, Int32(SHUT_RDWR)) }
        let isLast = openCount.withLock { count in
            count -= 1
            return count == 0
        }
        guard isLast else { return }
        for socket in [client, server] { Glibc.close(socket) }
    }
}
