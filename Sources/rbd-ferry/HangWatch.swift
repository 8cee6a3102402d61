import FerryCore
import Foundation
import Synchronization

/// Ends the process when nothing has moved for too long.
///
/// A call into a cluster that does not answer can't be taken back, so work that waits for one can't end by itself.
/// Everything that matters is stored with the images; ending here is as safe as being killed.
final class HangWatch: Sendable {
    /// What tells whether some work moves.
    struct Sign: Sendable {
        /// Counts that change while it does.
        let counts: any Hashable & Sendable
        /// Whether it waits for someone who may take his time.
        var isExcused = false
        /// Whether it waits for one call of the store that takes long and says nothing, such as a roll back.
        var isInLongCall = false
    }
    /// How much longer than other work a long call may take.
    private static let longCallFactor = 24

    private struct Sighting {
        let counts: AnyHashable?
        let since: ContinuousClock.Instant
        let limit: Duration
    }
    private let limit: Duration
    private let mayIdle: Bool
    private let onMove: @Sendable () -> Void
    private let signs = Mutex<(@Sendable () -> [String: Sign])?>(nil)

    /// A watch that lets nothing move for `limit`. With `mayIdle` it may also be that there is nothing to do. `onMove`
    /// is called every second while nothing has stood still for half of the limit.
    init(limit: Duration, mayIdle: Bool = false, onMove: @escaping @Sendable () -> Void = {}) {
        self.limit = limit
        self.mayIdle = mayIdle
        self.onMove = onMove
    }

    /// Says whose progress counts, by name; before, none does.
    func follow(_ newSigns: @escaping @Sendable () -> [String: Sign]) {
        signs.withLock { $0 = newSigns }
    }

    /// Runs `body` under watch.
    func watch<Result: Sendable>(_ body: @escaping @Sendable (HangWatch) async throws -> Result) async throws -> Result
    {
        let looking = Task { await look() }
        defer { looking.cancel() }
        return try await body(self)
    }

    /// Looks every second until cancelled.
    private func look() async {
        var last: [String: Sighting] = mayIdle ? [:] : ["": Sighting(counts: nil, since: .now, limit: limit)]
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            var now: [String: Sighting] = [:]
            let look = signs.withLock { $0 }
            for (name, sign) in look?() ?? [:] {
                let counts = AnyHashable(sign.counts)
                let before = last[name]
                let hasMoved = sign.isExcused || before == nil || before?.counts != counts
                now[name] = Sighting(
                    counts: counts, since: hasMoved ? .now : before?.since ?? .now,
                    limit: sign.isInLongCall ? limit * Self.longCallFactor : limit)
            }
            // Before the first image and between two, the store is asked for its images or a peer is reached.
            if now.isEmpty, !mayIdle { now[""] = last[""] ?? Sighting(counts: nil, since: .now, limit: limit) }
            last = now
            let hanging = now.filter { ContinuousClock.now - $0.value.since > $0.value.limit }.keys.sorted()
            if !hanging.isEmpty { end(hanging.filter { $0 != "" }) }
            if now.allSatisfy({ ContinuousClock.now - $0.value.since < $0.value.limit / 2 }) { onMove() }
        }
    }

    private func end(_ names: [String]) -> Never {
        let what = names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
        writeToStandardError("rbd-ferry: nothing moved for \(limit.components.seconds) s\(what)")
        writeToStandardError("  check the health of the store, then run again")
        Foundation.exit(ExitStatus(.temporary).code)
    }
}
