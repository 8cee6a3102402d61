import Foundation
import Synchronization
import UnixSignals

/// What an agent does about signals, instead of being cancelled.
struct SignalHandlers: Sendable {
    /// For the first SIGINT or SIGTERM: ends in order.
    let stop: @Sendable () -> Void
    /// For SIGHUP: reads the configuration again.
    let reload: @Sendable () -> Void

    /// Those in force; nil while a command runs that is just cancelled.
    static let current = Mutex<SignalHandlers?>(nil)
}

/// Runs `body`; the first SIGINT, SIGTERM or SIGHUP cancels it, a second ends the process at once. Where there are
/// `SignalHandlers`, they come before that.
///
/// Returns what `body` returns, or the signal's status when one came and `body` did not end well.
func runUntilSignal(_ body: @escaping @Sendable () async -> ExitStatus) async -> ExitStatus {
    let work = Task { await body() }
    let received = ReceivedSignal()
    let watcher = Task {
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup) {
            if signal == .sighup, let handlers = SignalHandlers.current.withLock({ $0 }) {
                handlers.reload()
                continue
            }
            received.note(signal.rawValue)
            if let handlers = SignalHandlers.current.withLock({ $0.take() }) {
                handlers.stop()
            } else if !work.isCancelled {
                work.cancel()
            } else {
                Foundation.exit(128 + signal.rawValue)
            }
        }
    }
    let status = await work.value
    watcher.cancel()
    guard status != .success, let number = received.number else { return status }
    return .interrupted(by: number)
}

/// The signal that came first.
private final class ReceivedSignal: Sendable {
    private let value = Mutex<Int32?>(nil)

    var number: Int32? { value.withLock { $0 } }

    /// Notes a signal, unless one came before.
    func note(_ number: Int32) { value.withLock { $0 = $0 ?? number } }
}
