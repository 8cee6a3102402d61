import FerryCore
import Pipeline

extension [Throttle] {
    /// Runs `body`, which takes bytes, as waiting for a limit of this stage; without a limit nothing is counted.
    func timed(as stage: TransferStage, by clock: StageClock, _ body: () async throws -> Void) async throws {
        guard sliceByteCount != nil else { return try await body() }
        try await clock.time(stage) { try await body() }
    }
}

extension Pacing {
    /// Waits until so many bytes may be read from the source; `meter` counts, and times the wait.
    func takeReading(_ byteCount: Int, countedBy meter: TransferMeter) async throws {
        try await reading.timed(as: .readLimit, by: meter.clock) {
            try await reading.takeInSlices(byteCount) { byteCount in
                meter.update { $0.pacedByteCount += UInt64(byteCount) }
            }
        }
    }
}
