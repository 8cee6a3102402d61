import NIOCore
import Synchronization

/// Counts a listener's connections and closes what is too much.
///
/// Strangers are those that have not shown yet that they are clients of ours; clients are the others. Each kind has a
/// limit of its own, so that connections which never speak take no client's place. Where there is one stranger too many,
/// the oldest goes, of the host that has most of them: a host that opens thousands drops its own.
final class AdmissionGate: Sendable {
    private struct Stranger {
        let channel: any Channel
        let host: String
        let number: UInt64
    }
    private struct State {
        var strangers: [ObjectIdentifier: Stranger] = [:]
        var clients: [ObjectIdentifier: any Channel] = [:]
        var strangerNumber: UInt64 = 0
        var turnedAwayCount: UInt64 = 0

        /// Takes out the stranger that has to go.
        mutating func dropOne() -> (any Channel)? {
            let counts = Dictionary(strangers.values.map { ($0.host, 1) }, uniquingKeysWith: +)
            let crowd = counts.values.max()
            let candidates = strangers.filter { counts[$0.value.host] == crowd }
            guard let oldest = candidates.min(by: { $0.value.number < $1.value.number }) else { return nil }
            turnedAwayCount += 1
            return strangers.removeValue(forKey: oldest.key)?.channel
        }
    }

    private let clientCountMax: Int
    private let strangerCountMax: Int
    private let state = Mutex(State())

    /// A gate that lets no more than so many connections of either kind exist at once; at least one each.
    init(clientCountMax: Int, strangerCountMax: Int) {
        self.clientCountMax = max(1, clientCountMax)
        self.strangerCountMax = max(1, strangerCountMax)
    }

    /// Strangers that had to go for others, and clients that found no place, since the start.
    var turnedAwayCount: UInt64 { state.withLock { $0.turnedAwayCount } }
    /// Clients that exist now.
    var clientCount: Int { state.withLock { $0.clients.count } }
    /// Connections that exist now.
    var connectionCount: Int { state.withLock { $0.strangers.count + $0.clients.count } }

    /// Takes a new connection from `host` in, as a stranger's, which it is until it is closed or admitted. Returns the
    /// one that has to go for it, which the caller closes.
    func enter(_ channel: any Channel, from host: String) -> (any Channel)? {
        let key = ObjectIdentifier(channel)
        let dropped: (any Channel)? = state.withLock { state in
            let dropped = state.strangers.count < strangerCountMax ? nil : state.dropOne()
            state.strangerNumber += 1
            state.strangers[key] = Stranger(channel: channel, host: host, number: state.strangerNumber)
            return dropped
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.strangers[key] = nil
                state.clients[key] = nil
            }
        }
        return dropped
    }

    /// Makes a stranger a client, if there is room; it counts as such until it is closed. One that is gone by now finds
    /// no room.
    func admit(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        return state.withLock { state in
            guard state.strangers[key] != nil, state.clients.count < clientCountMax else {
                state.turnedAwayCount += state.strangers[key] == nil ? 0 : 1
                return false
            }
            state.strangers[key] = nil
            state.clients[key] = channel
            return true
        }
    }

    /// All that are there.
    var channels: [any Channel] {
        state.withLock { $0.strangers.values.map(\.channel) + $0.clients.values }
    }

    /// Closes all that are still there, at once.
    func closeAll() {
        for channel in channels { channel.close(mode: .all, promise: nil) }
    }
}
