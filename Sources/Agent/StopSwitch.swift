import Synchronization

/// Ends an agent in two steps: nothing new begins, and after a while what is under way is cancelled.
final class StopSwitch: Sendable {
    private struct State {
        var deadline: ContinuousClock.Instant?
        var listeners: [UInt64: @Sendable () -> Void] = [:]
        var lastListener: UInt64 = 0
    }
    private let state = Mutex(State())

    /// Whether nothing new may begin.
    var isStopping: Bool { state.withLock { $0.deadline != nil } }

    /// Asks for the end; what is under way may take this long.
    func stop(within limit: Duration) {
        let listeners = state.withLock { state in
            guard state.deadline == nil else { return [@Sendable () -> Void]() }
            state.deadline = .now + limit
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener() }
    }

    /// Calls `listener` when the end is asked for; at once if it has been. Returns what `forget` takes.
    @discardableResult
    func onStop(_ listener: @escaping @Sendable () -> Void) -> UInt64 {
        let id = state.withLock { state -> UInt64? in
            guard state.deadline == nil else { return nil }
            state.lastListener += 1
            state.listeners[state.lastListener] = listener
            return state.lastListener
        }
        if id == nil { listener() }
        return id ?? 0
    }

    /// Calls a listener no more: an agent has many runs, and months.
    func forget(_ id: UInt64) { state.withLock { _ = $0.listeners.removeValue(forKey: id) } }

    /// How many listen; for tests.
    var listenerCount: Int { state.withLock { $0.listeners.count } }

    /// Waits until the end is asked for.
    func untilStop() async throws {
        let alarm = Alarm()
        let id = onStop { alarm.ring() }
        defer { forget(id) }
        while !isStopping {
            await alarm.wait(for: nil)
            try Task.checkCancellation()
        }
    }

    /// Runs `body`; cancels it when it goes on past the time that it has after a stop.
    func limit<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.untilStop()
                if let deadline = self.state.withLock({ $0.deadline }) { try await Task.sleep(until: deadline) }
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else { throw CancellationError() }
            return result
        }
    }
}
