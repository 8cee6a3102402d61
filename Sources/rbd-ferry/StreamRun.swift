import FerryCore
import StreamFiles
import Threading

/// One pass over a stream: with a progress line, and an end when nothing moves.
struct StreamRun {
    let options: ReportOptions
    let meter = StreamMeter()
    /// Threads for blocking reads and writes, and for looking at bytes.
    let threads = BlockingThreads(count: 4)
    /// Where text goes.
    let standardOutput: StandardOutput
    private let started = ContinuousClock.now

    init(_ options: ReportOptions) {
        self.options = options
        standardOutput = StandardOutput(threads)
    }

    /// How long it has taken so far.
    var duration: Duration { ContinuousClock.now - started }

    /// Runs `body`. `isWaiting` says whether it waits for whoever is at the other end of a pipe, which may take its
    /// time, unlike a store.
    func run<Result: Sendable>(
        _ subject: String, isWaiting: @escaping @Sendable () -> Bool = { false },
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let display = ProgressDisplay(isShown: !options.quiet && !options.json)
        return try await HangWatch(limit: .seconds(options.hangSeconds)).watch { [meter] watch in
            watch.follow {
                let counts = meter.counts
                return [
                    subject: HangWatch.Sign(
                        counts: counts, isExcused: isWaiting(), isInLongCall: counts.phase.isLongCall)
                ]
            }
            return try await withThrowingTaskGroup(of: Result?.self) { group in
                group.addTask {
                    await display.run { ProgressState(meter.counts) }
                    return nil
                }
                group.addTask { try await body() }
                while let part = try await group.next() {
                    guard let part else { continue }
                    group.cancelAll()
                    return part
                }
                throw CancellationError()
            }
        }
    }
}

extension ProgressState {
    fileprivate init(_ counts: StreamMeter.Counts) {
        var label = counts.phase.rawValue
        if counts.diffCount > 1 { label += " \(counts.diffNumber)/\(counts.diffCount)" }
        self.init(label: label, byteCount: counts.dataByteCount, fraction: counts.fraction)
    }
}

extension StreamPhase {
    /// Whether what is done may be one long call: comparing a head, rolling back, making all durable.
    fileprivate var isLongCall: Bool {
        switch self {
        case .preparing, .finishing, .undoing: true
        case .checking, .exporting, .importing: false
        }
    }
}

extension StreamMeter.Counts {
    /// How much of the diff at hand is done, from 0 to 1: by bytes where the total is known, else by place.
    fileprivate var fraction: Double {
        if phase == .finishing { return 1 }
        if let estimatedByteCount, estimatedByteCount > 0 {
            return Double(readByteCount) / Double(estimatedByteCount)
        }
        return imageByteCount > 0 ? Double(offset) / Double(imageByteCount) : 0
    }
}
