import AgentConfiguration
import Foundation
import Pipeline
import Planning
import Synchronization
import Testing

@testable import Agent

@Suite("The throttles of a sender", .timeLimit(.minutes(1)))
struct PeerThrottlesTests {
    private static let slow = RateLimit(ByteRate(bytesPerSecond: 1 << 20))
    private static let fast = RateLimit(ByteRate(bytesPerSecond: 9 << 20))

    private func limits(total: RateLimit = .none, _ peers: [String: RateLimit] = [:]) -> TransferLimits {
        TransferLimits(total: total, reading: .none, peers: peers)
    }

    @Test("a transfer passes its peer's and that of all; only a peer with a limit has memory of its own")
    func pacing() {
        let throttles = PeerThrottles(limits(total: Self.fast, ["b": Self.slow, "c": .none]))
        let (one, other) = (throttles.pacing(to: "b"), throttles.pacing(to: "c"))
        #expect(one.sending.map(\.rate) == [1 << 20, 9 << 20] && other.sending.map(\.rate) == [nil, 9 << 20])
        #expect(one.sending[1] === other.sending[1] && one.reading[0] === other.reading[0])
        #expect(one.memory === throttles.pacing(to: "b").memory && one.memory != nil && other.memory == nil)
    }

    @Test("limits that change hold for transfers under way; a peer that is gone keeps its last one")
    func update() {
        let throttles = PeerThrottles(limits(["b": Self.slow, "c": Self.slow]))
        let (b, c) = (throttles.pacing(to: "b").sending, throttles.pacing(to: "c").sending)
        throttles.update(limits(total: Self.slow, ["b": Self.fast, "d": Self.slow]))
        #expect(b.map(\.rate) == [9 << 20, 1 << 20] && c.map(\.rate) == [1 << 20, 1 << 20])
        #expect(throttles.status().peers.map(\.peer) == ["b", "d"])
        throttles.update(limits(["b": .none, "c": Self.fast]))
        #expect(b.map(\.rate) == [nil, nil] && c.map(\.rate) == [9 << 20, nil])
        #expect(throttles.pacing(to: "c").sending[0] === c[0])
    }

    @Test("rates change when windows do, by the clock that it is given")
    func windows() async throws {
        // A window of an hour that begins in a moment, whatever the host's zone.
        let formatter = DateFormatter()
        formatter.dateFormat = "HH:mm"
        let from = formatter.string(from: Date(timeIntervalSince1970: 1_795_262_400))
        let to = formatter.string(from: Date(timeIntervalSince1970: 1_795_266_000))
        let window = try RateWindow(rate: ByteRate(bytesPerSecond: 1 << 20), from: from, to: to, days: nil)
        let clock = TimeOfDay(Date(timeIntervalSince1970: 1_795_262_399.95))
        let throttles = PeerThrottles(limits(total: try RateLimit(windows: [window])), now: { clock.now })
        let total = throttles.pacing(to: "b").sending[1]
        #expect(total.rate == nil)
        #expect(throttles.status().total.nextChangeAt == Date(timeIntervalSince1970: 1_795_262_400))
        let keeping = Task { await throttles.keepLimits() }
        clock.set(Date(timeIntervalSince1970: 1_795_262_400))
        while total.rate == nil { await Task.yield() }
        #expect(total.rate == 1 << 20 && throttles.status().total.limitBytesPerSecond == 1 << 20)
        keeping.cancel()
        await keeping.value
    }

    @Test("status tells what went through over the last ten seconds")
    func status() async throws {
        let throttles = PeerThrottles(limits(["b": .none]))
        let pacing = throttles.pacing(to: "b")
        let start = ContinuousClock.now
        for second in 0...20 {
            throttles.sample(at: start + .seconds(second))
            try await pacing.sending.take(second < 10 ? 1000 : 3000)
        }
        let status = throttles.status()
        #expect(status.total.bytesPerSecond == 3000 && status.peers[0].bytesPerSecond == 3000)
        #expect(status.total.passedBytes == 10 * 1000 + 11 * 3000 && status.reads.passedBytes == 0)
    }
}

/// A wall clock that is set by hand.
private final class TimeOfDay: Sendable {
    private let date: Mutex<Date>

    init(_ date: Date) { self.date = Mutex(date) }

    var now: Date { date.withLock { $0 } }

    func set(_ new: Date) { date.withLock { $0 = new } }
}
