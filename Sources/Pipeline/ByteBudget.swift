import Synchronization

/// A number of bytes that may be in use at once. Takers wait their turn, in order.
///
/// A take larger than the whole budget waits until nothing is in use, and then goes alone.
public final class ByteBudget: Sendable {
    private struct Waiter {
        let id: Int
        let byteCount: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var limit: UInt64
        var used: UInt64 = 0
        var nextID = 0
        var waiters: [Waiter] = []
        var failure: (any Error)?
    }
    private let state: Mutex<State>

    /// A budget of `limit` bytes.
    public init(limit: UInt64) {
        state = Mutex(State(limit: limit))
    }

    /// Changes how many bytes there are. What is in use beyond a smaller number stays in use.
    public func setLimit(_ limit: UInt64) {
        let ready = state.withLock { state in
            guard state.limit != limit else { return [Waiter]() }
            state.limit = limit
            return admit(&state)
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Takers that wait; for tests.
    public var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Takes bytes; waits until they fit. Throws when cancelled or failed.
    public func take(_ byteCount: UInt64) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if let failure = state.failure { return .failure(failure) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.waiters.isEmpty, fits(byteCount, state) {
                        state.used += byteCount
                        return .success(())
                    }
                    state.waiters.append(Waiter(id: id, byteCount: byteCount, continuation: continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// Takes bytes if they fit now and nobody waits; false otherwise.
    public func takeAtOnce(_ byteCount: UInt64) -> Bool {
        state.withLock { state in
            guard state.failure == nil, state.waiters.isEmpty, fits(byteCount, state) else { return false }
            state.used += byteCount
            return true
        }
    }

    /// Takes bytes that are given back when the last reference to the share goes, whatever way that comes about.
    public func share(_ byteCount: UInt64) async throws -> ByteShare {
        try await take(byteCount)
        return ByteShare(budget: self, byteCount: byteCount)
    }

    /// Gives bytes back.
    public func give(_ byteCount: UInt64) {
        let ready = state.withLock { state in
            precondition(byteCount <= state.used, "no more is given back than was taken")
            state.used -= byteCount
            return admit(&state)
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Makes every waiting and later take throw.
    public func fail(_ error: any Error) {
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    private func fits(_ byteCount: UInt64, _ state: State) -> Bool {
        state.used == 0 || byteCount <= state.limit && state.used <= state.limit - byteCount
    }

    private func admit(_ state: inout State) -> [Waiter] {
        var ready: [Waiter] = []
        while let first = state.waiters.first, fits(first.byteCount, state) {
            state.used += first.byteCount
            ready.append(state.waiters.removeFirst())
        }
        return ready
    }

    private func cancel(_ id: Int) {
        let (cancelled, ready) = state.withLock { state -> (Waiter?, [Waiter]) in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return (nil, []) }
            let waiter = state.waiters.remove(at: index)
            return (waiter, admit(&state))
        }
        cancelled?.continuation.resume(throwing: CancellationError())
        for waiter in ready { waiter.continuation.resume() }
    }
}

/// Bytes taken from a budget.
public final class ByteShare: Sendable {
    private let budget: ByteBudget
    private let byteCount: UInt64

    fileprivate init(budget: ByteBudget, byteCount: UInt64) {
        self.budget = budget
        self.byteCount = byteCount
    }

    deinit { budget.give(byteCount) }
}
