import Synchronization

/// Counts operations in flight, so that closing can wait for them and nothing begins afterwards.
final class OperationGate: Sendable {
    private struct State {
        var isClosed = false
        var inFlightCount = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Notes that an operation begins; false when it may not because the gate is closed.
    func enter() -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.inFlightCount += 1
            return true
        }
    }

    /// Notes that an operation has ended.
    func leave() {
        let waiters = state.withLock { state in
            state.inFlightCount -= 1
            guard state.inFlightCount == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets nothing begin any more, and returns when all that had begun has ended.
    func close() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                state.isClosed = true
                if state.inFlightCount > 0 { state.waiters.append(continuation) }
                return state.inFlightCount == 0
            }
            if isIdle { continuation.resume() }
        }
    }
}
