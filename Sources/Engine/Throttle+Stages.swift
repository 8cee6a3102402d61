import FerryCore
import Pipeline

extension [Throttle] {
    /// Runs `body`, which takes bytes, as waiting for a limit; without a limit nothing is counted.
    func timed(by clock: StageClock, _ body: () async throws -> Void) async throws {
        guard sliceByteCount != nil else { return try await body() }
        try await clock.time(.limit) { try await body() }
    }
}
