import Synchronization

/// Ends what waits for the same thing again and again, when that takes too long once: a peer that only keeps its
/// connection alive must hold neither a mirror nor the connection for ever.
///
/// There is one timer for all the waits. With one for each (`withDeadline`) a peer that is quick could make us keep
/// thousands that were cancelled and have not run out.
final class WaitWatch: Sendable {
    private let limit: Duration
    private let phase: String
    private let waitingSince = Mutex<ContinuousClock.Instant?>(nil)

    /// A watch that lets one wait take `limit`; `phase` is what messages call it.
    init(limit: Duration, phase: String) {
        self.limit = limit
        self.phase = phase
    }

    /// Runs `body`, which waits. One at a time.
    func waiting<Result>(_ body: () async throws -> Result) async throws -> Result {
        waitingSince.withLock { $0 = .now }
        defer { waitingSince.withLock { $0 = nil } }
        return try await body()
    }

    /// Runs `work` with the watch beside it. Throws `EngineError.deadline`, and cancels the work, when a wait takes too
    /// long.
    func run<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await self.watch()
                return nil
            }
            defer { group.cancelAll() }
            while let part = try await group.next() {
                if let part { return part }
            }
            throw CancellationError()
        }
    }

    private func watch() async throws {
        let interval = min(max(limit / 10, .milliseconds(20)), .seconds(5))
        while true {
            try await Task.sleep(for: interval)
            guard let since = waitingSince.withLock(\.self), ContinuousClock.now - since > limit else { continue }
            throw EngineError.deadline(phase: phase, seconds: limit.components.seconds)
        }
    }
}
