public import FerryCore
import Synchronization

/// Measures the stages of a transfer where they happen. Any number of tasks and threads use it at once; an operation
/// costs some hundred nanoseconds.
public final class StageClock: Sendable {
    private let tally = Mutex(StageTally())

    /// A clock at zero.
    public init() {}

    /// The times so far, with what is under way.
    public var times: StageTimes { tally.withLock { $0.times(at: .now) } }

    /// The times so far; from here on it counts from zero.
    func take() -> StageTimes { tally.withLock { $0.take(at: .now) } }

    /// Runs `body` as an operation of a stage.
    public func time<Result, Failure: Error>(
        _ stage: TransferStage, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        tally.withLock { $0.begin(stage, at: .now) }
        defer { tally.withLock { $0.end(stage, at: .now) } }
        return try await body()
    }
}
