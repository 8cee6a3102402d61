/// Runs `body`; throws `EngineError.deadline` and cancels it when it has not ended after `limit`.
///
/// Waits for the cancelled body to end, so give it only what ends when cancelled.
func withDeadline<Result: Sendable>(
    _ limit: Duration, phase: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            throw EngineError.deadline(phase: phase, seconds: limit.components.seconds)
        }
        return result
    }
}
