import Foundation
import Synchronization

/// Watches the most memory that a process has had resident, until it ends.
final class PeakMemory: Sendable {
    private let peak = Mutex(0)
    private let command: RunningCommand

    init(of command: RunningCommand) {
        self.command = command
        let watched = self
        Thread.detachNewThread {
            while watched.command.isRunning {
                watched.look()
                usleep(20_000)
            }
        }
    }

    /// In bytes; the kernel keeps the peak, so only what came in the last 20 ms can be missed.
    var byteCount: Int { peak.withLock { $0 } }

    private func look() {
        guard let status = try? String(contentsOfFile: "/proc/\(command.processID)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(separator: " ").compactMap({ Int($0) }).first
        else { return }
        peak.withLock { $0 = max($0, kibibytes << 10) }
    }
}
