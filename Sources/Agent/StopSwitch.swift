import Synchronization

/// Ends an agent in two steps: nothing new begins, and after a while what is under way is cancelled.
final class StopSwitch: Sendable {
    private struct State {
        var deadline: ContinuousClock.Instant?
        var listeners: [@Sendable () -> Void] = []
    }
    private let state = Mutex(State())

    /// Whether nothing new may begin.
    var isStopping: Bool { state.withLock { $0.deadline != nil } }

    /// Asks for the end; what is under way may take this long.
    func stop(within limit: Duration) {
        let listeners = state.withLock { state in
            guard state.deadline == nil else { return [@Sendable () -> Void]() }
            state.deadline = .now + limit
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener() }
    }

    /// Calls `listener` when the end is asked for; at once if it has been.
    func onStop(_ listener: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            guard state.deadline == nil else { return true }
            state.listeners.append(listener)
            return false
        }
        if isLate { listener() }
    }

    /// Waits until the end is asked for.
    func untilStop() async throws {
        let alarm = Alarm()
        onStop { alarm.ring() }
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
