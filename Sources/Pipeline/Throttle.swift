import Synchronization

/// Lets so many bytes pass per second. Takers are served in order; who waits for little does not pass by who waits for
/// much.
public final class Throttle: Sendable {
    private struct Waiter {
        let id: Int
        let byteCount: Int
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var bucket: TokenBucket?
        var passedByteCount: UInt64 = 0
        var nextID = 0
        var waiters: [Waiter] = []
        /// Sleeps until the first waiter's bytes are there.
        var timer: Task<Void, Never>?
    }
    /// What the rate gives in this time is let through at once after a pause, in seconds.
    private static let burstSeconds = 0.05
    private static let sliceSeconds = 0.025
    private static let sliceByteCounts = 4096...(256 << 10)

    private let clock: ThrottleClock
    private let state = Mutex(State())

    /// A throttle of so many bytes per second; nil lets everything pass.
    public init(rate: UInt64? = nil, clock: ThrottleClock = .continuous) {
        self.clock = clock
        setRate(rate)
    }

    /// Bytes per second in force now; nil: no limit.
    public var rate: UInt64? { state.withLock { $0.bucket?.rate } }

    /// Bytes that it has let through since it was made.
    public var passedByteCount: UInt64 { state.withLock { $0.passedByteCount } }

    /// Takers that wait; for tests.
    public var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// The most bytes that should be taken at once, so that they pass evenly and takers alternate; nil without a limit.
    public var sliceByteCount: Int? { rate.map(Self.sliceByteCount) }

    /// Another rate from now on, for those who wait as well; nil lets everything pass.
    public func setRate(_ rate: UInt64?) {
        let ready = state.withLock { state in
            guard state.bucket?.rate != rate else { return [Waiter]() }
            state.bucket = rate.map { rate in
                let burst = Self.burst(rate)
                return state.bucket?.changed(rate: rate, burst: burst, at: clock.now())
                    ?? TokenBucket(rate: rate, burst: burst, at: clock.now())
            }
            return admit(&state)
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Takes bytes; waits until they may pass. Throws when cancelled, and then has taken nothing.
    public func take(_ byteCount: Int) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters.append(Waiter(id: id, byteCount: byteCount, continuation: continuation))
                    guard state.waiters.count == 1 else { return nil }
                    return admit(&state).isEmpty ? nil : .success(())
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// A burst holds at least a slice, so that one is there when it is asked for after a pause.
    private static func burst(_ rate: UInt64) -> UInt64 {
        max(UInt64(Double(rate) * burstSeconds), UInt64(sliceByteCount(rate)))
    }

    private static func sliceByteCount(_ rate: UInt64) -> Int {
        let wanted = Int(min(Double(rate) * sliceSeconds, Double(sliceByteCounts.upperBound)))
        return max(wanted, sliceByteCounts.lowerBound)
    }

    /// Takes those out of the line whose bytes are there, and sets the timer for the first of the others.
    private func admit(_ state: inout State) -> [Waiter] {
        state.timer?.cancel()
        state.timer = nil
        var ready: [Waiter] = []
        while let first = state.waiters.first {
            if let due = state.bucket?.take(first.byteCount, at: clock.now()) {
                state.timer = Task { await self.wake(at: due) }
                break
            }
            state.passedByteCount += UInt64(max(first.byteCount, 0))
            ready.append(state.waiters.removeFirst())
        }
        return ready
    }

    private func wake(at due: ContinuousClock.Instant) async {
        // Only a timer that another one has replaced is cancelled.
        guard (try? await clock.sleep(due)) != nil else { return }
        let ready = state.withLock { admit(&$0) }
        for waiter in ready { waiter.continuation.resume() }
    }

    private func cancel(_ id: Int) {
        let (cancelled, ready) = state.withLock { state -> (Waiter?, [Waiter]) in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return (nil, []) }
            let waiter = state.waiters.remove(at: index)
            guard index == 0 else { return (waiter, []) }
            state.bucket?.stopWaiting(at: clock.now())
            return (waiter, admit(&state))
        }
        cancelled?.continuation.resume(throwing: CancellationError())
        for waiter in ready { waiter.continuation.resume() }
    }
}

/// Where a throttle has the time from; tests bring their own.
public struct ThrottleClock: Sendable {
    /// The time.
    public var now: @Sendable () -> ContinuousClock.Instant
    /// Sleeps until a time; throws when cancelled.
    public var sleep: @Sendable (ContinuousClock.Instant) async throws -> Void

    /// A clock from its parts.
    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The system's own.
    public static let continuous = ThrottleClock(
        now: { .now }, sleep: { try await Task.sleep(until: $0, tolerance: .zero) })
}
