import Foundation
import Glibc
import Synchronization

/// Many connections to a port of 127.0.0.1 that are opened one after another and then only held. Every second one says
/// `hello` first, every fourth no more than the beginning of it.
final class Crowd: Sendable {
    private struct State {
        var sockets: [Int32] = []
        var isClosed = false
    }
    private let state = Mutex(State())

    /// `source` is the address that they come from, such as 0x7F00_0002.
    init(count: Int, port: Int, hello: [UInt8], source: UInt32 = 0x7F00_0001) {
        let crowd = self
        Thread.detachNewThread {
            for number in 0..<count where !crowd.state.withLock({ $0.isClosed }) {
                guard let socket = try? LoopbackSocket.connect(to: port, from: source) else { continue }
                if number % 4 == 1 { _ = LoopbackSocket.send(hello[...], to: socket) }
                if number % 4 == 3 { _ = LoopbackSocket.send(hello.prefix(9), to: socket) }
                crowd.state.withLock { $0.sockets.append(socket) }
            }
        }
    }

    /// How many are open, as far as this side knows.
    var openedCount: Int { state.withLock { $0.sockets.count } }

    /// Closes all of them.
    func close() {
        let sockets = state.withLock { state in
            state.isClosed = true
            defer { state.sockets = [] }
            return state.sockets
        }
        for socket in sockets { Glibc.close(socket) }
    }

    deinit { close() }
}
