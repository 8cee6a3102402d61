import Synchronization

/// Counts the operations that use a handle, so that closing it waits for them and later ones are turned away.
final class OperationGate: Sendable {
    private struct State {
        var inFlightCount = 0
        var isClosing = false
        var isClosed = false
        var idleWaiter: CheckedContinuation<Void, Never>?
        var closedWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs `body` while the handle stays open.
    func run<Result: Sendable>(
        _ body: () async throws(CephError) -> Result
    ) async throws(CephError) -> Result {
        guard enter() else { throw CephError(.failed, "it is closed already") }
        defer { leave() }
        return try await body()
    }

    /// Turns new operations away, waits for those in flight and runs `release`, once however often it is called.
    func close(_ release: () async -> Void) async {
        guard state.withLock({ beginClosing(&$0) }) else { return await waitUntilClosed() }
        await waitUntilIdle()
        await release()
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.closedWaiters = [] }
            return state.closedWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func enter() -> Bool {
        state.withLock { state in
            guard !state.isClosing else { return false }
            state.inFlightCount += 1
            return true
        }
    }

    private func leave() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.inFlightCount -= 1
            guard state.inFlightCount == 0 else { return nil }
            return state.idleWaiter.take()
        }
        waiter?.resume()
    }

    private func beginClosing(_ state: inout State) -> Bool {
        guard !state.isClosing else { return false }
        state.isClosing = true
        return true
    }

    private func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.inFlightCount > 0 { state.idleWaiter = continuation }
                return state.inFlightCount == 0
            }
            if isIdle { continuation.resume() }
        }
    }

    private func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.closedWaiters.append(continuation) }
                return state.isClosed
            }
            if isClosed { continuation.resume() }
        }
    }
}
