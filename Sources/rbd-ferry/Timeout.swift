import FerryCore

/// Runs `body`; cancels it when it has not ended after so many seconds (nil: however long it takes), and throws once it
/// has let go of what it held.
func withTimeout<Result: Sendable>(
    _ seconds: Int?, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let seconds else { return try await body() }
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: .seconds(seconds))
            return nil
        }
        guard let first = try await group.next(), let result = first else {
            group.cancelAll()
            // Its own words about being cancelled are no news.
            while let _ = try? await group.next() {}
            throw TimedOut(seconds: seconds)
        }
        group.cancelAll()
        return result
    }
}

/// A deadline that the user gave has passed.
struct TimedOut: Failure {
    let seconds: Int

    var disposition: Disposition { .timedOut }
    var cause: String { "not done after \(seconds) s" }
    var remedy: String { "run again; transfers go on where they stopped" }
}
