import NIOCore
import Synchronization

/// A listener's open connections, of which there are no more than so many.
final class ConnectionLimit: Sendable {
    private let connectionCountMax: Int
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    /// A limit that no connection counts for yet.
    init(connectionCountMax: Int) {
        self.connectionCountMax = connectionCountMax
    }

    /// Whether `channel` may stay. It counts until it is closed.
    func enter(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let isFree = channels.withLock { channels in
            guard channels.count < connectionCountMax else { return false }
            channels[key] = channel
            return true
        }
        guard isFree else { return false }
        channel.closeFuture.whenComplete { _ in
            self.channels.withLock { $0[key] = nil }
        }
        return true
    }

    /// Closes all that are still there, at once.
    func closeAll() {
        let channels = channels.withLock { Array($0.values) }
        for channel in channels { channel.close(mode: .all, promise: nil) }
    }
}
