public import NIOCore
import Synchronization

/// Counts a listener's connections and turns away what is too much.
public final class ConnectionGate: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var turnedAwayCount: UInt64 = 0
    }

    private let connectionCountMax: Int
    private let state = Mutex(State())

    /// A gate that lets no more than so many connections exist at once.
    public init(connectionCountMax: Int) {
        self.connectionCountMax = connectionCountMax
    }

    /// Connections that were turned away since the start.
    public var turnedAwayCount: UInt64 { state.withLock { $0.turnedAwayCount } }
    /// Connections that exist now.
    public var connectionCount: Int { state.withLock { $0.channels.count } }

    /// Whether `channel` may stay. It counts until it is closed.
    public func enter(_ channel: any Channel) -> Bool {
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
    public func closeAll() {
        let channels = state.withLock { Array($0.channels.values) }
        for channel in channels { channel.close(mode: .all, promise: nil) }
    }
}
