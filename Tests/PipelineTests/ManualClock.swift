import Pipeline
import Synchronization

/// A clock that stands until it is told the time.
final class ManualClock: Sendable {
    private struct Sleeper {
        let id: Int
        let due: ContinuousClock.Instant
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var now = ContinuousClock.now
        var nextID = 0
        var sleepers: [Sleeper] = []
        var sleepCount = 0
    }
    private let state = Mutex(State())

    var now: ContinuousClock.Instant { state.withLock { $0.now } }

    /// Sleeps that were begun.
    var sleepCount: Int { state.withLock { $0.sleepCount } }

    var throttleClock: ThrottleClock {
        ThrottleClock(now: { self.now }, sleep: { try await self.sleep(until: $0) })
    }

    /// Moves the time on.
    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now += duration
            let now = state.now
            defer { state.sleepers.removeAll { $0.due <= now } }
            return state.sleepers.filter { $0.due <= now }
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    /// Moves the time on to when the first sleeper wakes, and by `late` more; waits until one sleeps.
    func advanceToNext(late: Duration = .zero) async {
        while !advanceIfAsleep(late: late) { await Task.yield() }
    }

    /// Moves the time on to when the first sleeper wakes, and by `late` more; false when nobody sleeps.
    func advanceIfAsleep(late: Duration = .zero) -> Bool {
        guard let due = state.withLock({ $0.sleepers.map(\.due).min() }) else { return false }
        advance(by: max(due - now, .zero) + late)
        return true
    }

    private func sleep(until due: ContinuousClock.Instant) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    state.sleepCount += 1
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if due <= state.now { return .success(()) }
                    state.sleepers.append(Sleeper(id: id, due: due, continuation: continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else { return nil }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
