import Agent
import Engine
import FerryCore
import Foundation
import Synchronization

/// Ends the process when nothing has moved for too long.
///
/// A call into a cluster that does not answer can't be taken back, so a sync that waits for one can't end by itself.
/// Everything that matters is stored with the images; ending here is as safe as being killed.
final class HangWatch: Sendable {
    private let limit: Duration
    private let run = Mutex<SyncRun?>(nil)

    init(limit: Duration) {
        self.limit = limit
    }

    /// Says whose progress counts; before, none does.
    func follow(_ newRun: SyncRun) {
        run.withLock { $0 = newRun }
    }

    /// Runs `body` under watch.
    func watch(_ body: @escaping @Sendable (HangWatch) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.look() }
            defer { group.cancelAll() }
            try await body(self)
        }
    }

    /// Looks every second until cancelled.
    private func look() async {
        var last: [String: (counts: TransferMeter.Counts?, since: ContinuousClock.Instant)] = ["": (nil, .now)]
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let activities = run.withLock { $0?.activities ?? [] }
            var now: [String: (counts: TransferMeter.Counts?, since: ContinuousClock.Instant)] = [:]
            for activity in activities {
                let counts = activity.meter.counts
                // While the receiver decides or publishes, its heartbeat and its own deadlines count.
                let isWaitingForPeer = counts.phase == .offering || counts.phase == .publishing
                let before = last[activity.image]
                let hasMoved = isWaitingForPeer || before == nil || before?.counts != counts
                now[activity.image] = (counts, hasMoved ? .now : before?.since ?? .now)
            }
            // Before the first image and between two, the store is asked for its images or a peer is reached.
            if now.isEmpty { now[""] = last[""] ?? (nil, .now) }
            last = now
            let hanging = now.filter { ContinuousClock.now - $0.value.since > limit }.keys.sorted()
            if !hanging.isEmpty { end(hanging.filter { $0 != "" }) }
        }
    }

    private func end(_ images: [String]) -> Never {
        let what = images.isEmpty ? "" : " (\(images.joined(separator: ", ")))"
        writeToStandardError("rbd-ferry: nothing moved for \(limit.components.seconds) s\(what)")
        writeToStandardError("  check the source's store, then run again; the transfer goes on where it stopped")
        Foundation.exit(ExitStatus(.temporary).code)
    }
}
