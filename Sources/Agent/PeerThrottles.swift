import Foundation
import Pipeline
import Planning
import Reporting
import Synchronization

/// The throttles of a sending process: one for each peer, one for all peers together, and one for reads. They go by
/// limits that change with the time of day and with the configuration, while transfers go on.
final class PeerThrottles: Sendable {
    fileprivate struct Peer {
        var throttle: LimitedThrottle
        /// Memory of its own, for when it has a limit.
        let memory = ByteBudget(limit: Pacing.memoryByteCount)
        /// A peer that the configuration does not name any more may still be sent to, by its last limit.
        var isNamed = true
    }
    fileprivate struct State {
        var total: LimitedThrottle
        var reading: LimitedThrottle
        var peers: [String: Peer] = [:]
    }
    private let clock: ThrottleClock
    private let now: @Sendable () -> Date
    private let alarm = Alarm()
    private let state: Mutex<State>

    /// Throttles that go by these limits. `now` is the time of day, and `clock` what bytes are measured with.
    init(
        _ limits: TransferLimits, now: @escaping @Sendable () -> Date = { Date() }, clock: ThrottleClock = .continuous
    ) {
        self.now = now
        self.clock = clock
        let date = now()
        state = Mutex(
            State(
                total: LimitedThrottle(limits.total, clock: clock, now: date),
                reading: LimitedThrottle(limits.reading, clock: clock, now: date)))
        update(limits)
    }

    /// What transfers to a peer pass.
    func pacing(to name: String) -> Pacing {
        let date = now()
        return state.withLock { state in
            let peer =
                state.peers[name]
                ?? Peer(throttle: LimitedThrottle(.none, clock: clock, now: date), isNamed: false)
            state.peers[name] = peer
            return Pacing(
                sending: [peer.throttle.throttle, state.total.throttle], reading: [state.reading.throttle],
                memory: peer.throttle.limit == .none ? nil : peer.memory)
        }
    }

    /// Goes by other limits from now on, also for transfers under way.
    func update(_ limits: TransferLimits) {
        let date = now()
        state.withLock { state in
            state.total.limit = limits.total
            state.reading.limit = limits.reading
            for name in state.peers.keys { state.peers[name]?.isNamed = limits.peers[name] != nil }
            for (name, limit) in limits.peers {
                if state.peers[name] == nil {
                    state.peers[name] = Peer(throttle: LimitedThrottle(limit, clock: clock, now: date))
                }
                state.peers[name]?.throttle.limit = limit
            }
            state.keep(now: date)
        }
        alarm.ring()
    }

    /// Sets rates whenever a window begins or ends, until cancelled.
    func keepLimits() async {
        while !Task.isCancelled {
            let date = now()
            let next = state.withLock { state in
                state.keep(now: date)
                return state.all.compactMap { $0.limit.nextChange(after: date) }.min()
            }
            await alarm.wait(for: next.map { .seconds(min($0.timeIntervalSince(date), 3600)) })
        }
    }

    /// Takes note of how fast bytes go; to be called every second.
    func sample(at instant: ContinuousClock.Instant = .now) {
        state.withLock { state in
            state.total.sample(at: instant)
            state.reading.sample(at: instant)
            for name in state.peers.keys { state.peers[name]?.throttle.sample(at: instant) }
        }
    }

    /// The limits in force, and how fast bytes go.
    func status() -> LimitsStatus {
        let date = now()
        return state.withLock { state in
            let peers = state.peers.filter(\.value.isNamed).sorted { $0.key < $1.key }
            return LimitsStatus(
                total: state.total.status(now: date), reads: state.reading.status(now: date),
                peers: peers.map { name, peer in peer.throttle.status(of: name, now: date) })
        }
    }
}

extension PeerThrottles.State {
    fileprivate var all: [LimitedThrottle] { [total, reading] + peers.values.map(\.throttle) }

    fileprivate func keep(now: Date) {
        for throttle in all { throttle.keep(now: now) }
    }
}
