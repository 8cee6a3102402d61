import FerryCore
import Pipeline

extension [Throttle] {
    /// Runs `body`, which takes bytes, as waiting for a limit of this stage; without a limit nothing is counted.
    func timed(as stage: TransferStage, by clock: StageClock, _ body: () async throws -> Void) async throws {
        guard sliceByteCount != nil else { return try await body() }
        try await clock.time(stage) { try await body() }
    }
}
