import Foundation
import Glibc
import Synchronization

/// A TCP proxy between a sender and a receiver that is a bad line: each connection has the quality that is asked for
/// when it is made.
final class BadLine: Sendable {
    /// How a connection goes.
    enum Quality: Sendable {
        case good
        /// Ends after so many bytes from the sender, or from the receiver.
        case cut(sent: Int = .max, received: Int = .max)
        /// Passes nothing on, in either direction, once the sender has sent so many bytes; both sockets stay open.
        case halfOpen(sent: Int)
        /// Passes so many bytes a second on, in each direction.
        case trickle(bytesPerSecond: Int)

        fileprivate var sentMax: Int { if case .cut(let sent, _) = self { sent } else { .max } }
        fileprivate var receivedMax: Int { if case .cut(_, let received) = self { received } else { .max } }
        fileprivate var frozenAfter: Int { if case .halfOpen(let sent) = self { sent } else { .max } }
        fileprivate var bytesPerSecond: Int? { if case .trickle(let rate) = self { rate } else { nil } }
    }
    /// One connection.
    private struct Wire: Sendable {
        let pair: SocketPair
        let quality: Quality
        let isFrozen = Flag()
    }
    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isUp: Bool { value.load(ordering: .sequentiallyConsistent) }
        func raise() { value.store(true, ordering: .sequentiallyConsistent) }
    }

    let port: Int
    private let listener: Int32
    private let target: Int
    private let quality: Mutex<Quality>
    private let closed = Flag()

    /// A line to a port of 127.0.0.1.
    init(to target: Int, _ quality: Quality = .good) throws {
        self.target = target
        self.quality = Mutex(quality)
        listener = try LoopbackSocket.listen()
        port = LoopbackSocket.port(of: listener)
        if quality.bytesPerSecond != nil { LoopbackSocket.setBuffer(of: listener, byteCount: 8192) }
        Thread.detachNewThread { [self] in acceptAll() }
    }

    /// Sets what the next connections are like.
    func set(_ new: Quality) { quality.withLock { $0 = new } }

    /// Ends all connections, and takes no more.
    func close() {
        closed.raise()
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func acceptAll() {
        while !closed.isUp {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard let server = try? LoopbackSocket.connect(to: target) else {
                Glibc.close(client)
                continue
            }
            let wire = Wire(pair: SocketPair(client: client, server: server), quality: quality.withLock(\.self))
            Thread.detachNewThread { [self] in
                pump(wire, from: client, to: server, byteCountMax: wire.quality.sentMax, isSender: true)
            }
            Thread.detachNewThread { [self] in
                pump(wire, from: server, to: client, byteCountMax: wire.quality.receivedMax, isSender: false)
            }
        }
        Glibc.close(listener)
    }

    private func pump(_ wire: Wire, from: Int32, to: Int32, byteCountMax: Int, isSender: Bool) {
        let rate = wire.quality.bytesPerSecond
        var buffer = [UInt8](repeating: 0, count: rate.map { max($0 / 8, 1) } ?? 64 << 10)
        var passedByteCount = 0
        while passedByteCount < byteCountMax {
            let count = recv(from, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            if isSender, passedByteCount + count > wire.quality.frozenAfter { wire.isFrozen.raise() }
            if wire.isFrozen.isUp {
                waitUntilClosed()
                break
            }
            let passed = min(count, byteCountMax - passedByteCount)
            guard LoopbackSocket.send(buffer[..<passed], to: to) else { break }
            passedByteCount += passed
            if let rate { usleep(UInt32(passed * 1_000_000 / rate)) }
        }
        wire.pair.end()
    }

    private func waitUntilClosed() {
        while !closed.isUp { usleep(20_000) }
    }
}
