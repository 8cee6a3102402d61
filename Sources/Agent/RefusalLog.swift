import FerryCore
import Logging
import SecureTransport
import Synchronization

/// Tells the log of connections that did not get in. Strangers decide how many there are, so not each gets a line: the
/// first of every interval do, and the others are counted.
final class RefusalLog: Sendable {
    /// Lines in an interval.
    static let lineCountMax = 20
    /// How long an interval is.
    static let interval = Duration.seconds(10)

    private struct State {
        var begin: ContinuousClock.Instant?
        var lineCount = 0
        var unsaidCount = 0
    }
    private let state = Mutex(State())
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    /// Tells of a connection that was refused, or counts it.
    func note(_ address: String, _ error: TransportError, now: ContinuousClock.Instant = .now) {
        tick(now: now)
        let isSaid = state.withLock { state in
            state.begin = state.begin ?? now
            state.lineCount += 1
            if state.lineCount > Self.lineCountMax { state.unsaidCount += 1 }
            return state.lineCount <= Self.lineCountMax
        }
        guard isSaid else { return }
        logger.warning(
            "refused a connection: \(error.cause)",
            metadata: ["peer": "\(address)", "remedy": "\(error.remedy)"])
    }

    /// Tells how many got no line, when the interval is over. To be called every second.
    func tick(now: ContinuousClock.Instant = .now) {
        let unsaidCount = state.withLock { state in
            guard let begin = state.begin, now - begin >= Self.interval else { return 0 }
            defer { state = State() }
            return state.unsaidCount
        }
        if unsaidCount > 0 { logger.warning("refused \(unsaidCount) more connections in the last seconds") }
    }
}
