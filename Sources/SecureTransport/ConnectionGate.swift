import NIOCore
import Synchronization

/// Counts a listener's connections and turns away what is too much.
final class ConnectionGate: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var turnedAwayCount: UInt64 = 0
    }

    private let connectionCountMax: Int
    private let state = Mutex(State())

    init(connectionCountMax: Int) {
        self.connectionCountMax = connectionCountMax
    }

    var turnedAwayCount: UInt64 { state.withLock { $0.turnedAwayCount } }
    var connectionCount: Int { state.withLock { $0.channels.count } }

    /// Whether `channel` may stay. It counts until it is closed.
    func enter(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let isFree = state.withLock { state in
            guard state.channels.count < connectionCountMax else {
                state.turnedAwayCount += 1
                return false
            }
            state.channels[key] = channel
            return true
        }
        guard isFree else { return false }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.channels[key] = nil }
        }
        return true
    }

    /// Closes all that are still there, at once.
    func closeAll() {
        let channels = state.withLock { Array($0.channels.values) }
        for channel in channels { channel.close(mode: .all, promise: nil) }
    }
}
