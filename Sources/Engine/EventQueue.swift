import Synchronization

/// Hands events from one task to another. The conversation's machine bounds how many can be waiting.
final class EventQueue<Event: Sendable>: Sendable {
    private struct State {
        var events: [Event] = []
        var failure: (any Error)?
        var waiter: CheckedContinuation<Event, any Error>?
    }
    private let state = Mutex(State())

    /// Adds an event.
    func send(_ event: Event) {
        let waiter = state.withLock { state -> CheckedContinuation<Event, any Error>? in
            guard state.failure == nil else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.events.append(event)
            return nil
        }
        waiter?.resume(returning: event)
    }

    /// Ends the queue: events already there can still be taken, then `next` throws.
    func fail(_ error: any Error) {
        let waiter = state.withLock { state -> CheckedContinuation<Event, any Error>? in
            if state.failure == nil { state.failure = error }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(throwing: error)
    }

    /// The next event; waits for it. One taker at a time.
    func next() async throws -> Event {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Event, any Error>? = state.withLock { state in
                    if !state.events.isEmpty { return .success(state.events.removeFirst()) }
                    if let failure = state.failure { return .failure(failure) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    precondition(state.waiter == nil, "one taker at a time")
                    state.waiter = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Event, any Error>? in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
