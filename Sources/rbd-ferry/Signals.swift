import Foundation
import Synchronization
import UnixSignals

/// Runs `body`; the first SIGINT, SIGTERM or SIGHUP cancels it, a second ends the process at once.
///
/// Returns what `body` returns, or the signal's status when one came and `body` did not end well.
func runUntilSignal(_ body: @escaping @Sendable () async -> ExitStatus) async -> ExitStatus {
    let work = Task { await body() }
    let received = ReceivedSignal()
    let watcher = Task {
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup) {
            guard received.note(signal.rawValue) else { Foundation.exit(128 + signal.rawValue) }
            work.cancel()
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

    /// Notes a signal; false when one came before.
    func note(_ number: Int32) -> Bool {
        value.withLock { value in
            guard value == nil else { return false }
            value = number
            return true
        }
    }
}
