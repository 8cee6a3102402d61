import Foundation
import Synchronization

/// Lets one task sleep until a time comes or someone rings.
final class Alarm: Sendable {
    private struct State {
        var isRung = false
        var sleeper: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())
    /// The wall clock may jump, and a sleep does not notice.
    private static let sleepMax = Duration.seconds(30)

    /// Wakes the sleeper, or lets the next sleep end at once.
    func ring() {
        let sleeper = state.withLock { state in
            state.isRung = true
            defer { state.sleeper = nil }
            return state.sleeper
        }
        sleeper?.resume()
    }

    /// Sleeps until it rings or `duration` has passed (nil: however long), but no longer than half a minute at a time.
    /// Returns at once when cancelled.
    func wait(for duration: Duration?) async {
        let timer = Task {
            if (try? await Task.sleep(for: min(max(duration ?? Self.sleepMax, .zero), Self.sleepMax))) != nil { ring() }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !state.isRung, !Task.isCancelled else { return true }
                    state.sleeper = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            ring()
        }
        timer.cancel()
        state.withLock { $0.isRung = false }
    }
}
