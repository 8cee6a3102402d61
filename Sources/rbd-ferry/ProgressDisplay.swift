import Agent
import Engine
import Foundation
import Synchronization

/// A line at the bottom of a terminal that tells how far a sync is. Shows nothing when standard error is none.
final class ProgressDisplay: Sendable {
    private struct State {
        var endedCount = 0
        var isLineOpen = false
    }
    private let isShown: Bool
    private let imageCount: Int
    private let state = Mutex(State())

    init(isShown: Bool, imageCount: Int) {
        self.isShown = isShown && isatty(STDERR_FILENO) == 1
        self.imageCount = imageCount
    }

    /// Redraws the line until cancelled.
    func run(_ activities: @escaping @Sendable () -> [SyncRun.Activity]) async {
        guard isShown else { return }
        var last: (time: ContinuousClock.Instant, byteCount: UInt64) = (.now, 0)
        var rate = 0.0
        while (try? await Task.sleep(for: .milliseconds(500))) != nil {
            let summary = Summary(activities())
            let now = ContinuousClock.now
            let seconds = Double((now - last.time).milliseconds) / 1000
            let grown = summary.readByteCount >= last.byteCount ? summary.readByteCount - last.byteCount : 0
            // Smoothed over a few seconds, so that the time left does not jump.
            let current = Double(grown) / max(seconds, 0.1)
            rate = rate == 0 ? current : rate * 0.8 + current * 0.2
            last = (now, summary.readByteCount)
            draw(summary, rate)
        }
        clear()
    }

    /// Takes the line away so that a summary can be printed.
    func ended() {
        clear()
        state.withLock { $0.endedCount += 1 }
    }

    private func draw(_ summary: Summary, _ rate: Double) {
        let ended = state.withLock { state in
            state.isLineOpen = true
            return state.endedCount
        }
        var parts: [String] = []
        if imageCount > 1 { parts.append("\(ended)/\(imageCount) images") }
        parts.append(summary.text(rate: rate))
        FileHandle.standardError.write(Data(("\r\u{1B}[K" + parts.joined(separator: "  ")).utf8))
    }

    private func clear() {
        guard isShown else { return }
        let isOpen = state.withLock { state in
            defer { state.isLineOpen = false }
            return state.isLineOpen
        }
        if isOpen { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}

/// All running transfers together.
private struct Summary {
    var readByteCount: UInt64 = 0
    private var fraction = 0.0
    private var phases: [String] = []
    private var count = 0

    init(_ activities: [SyncRun.Activity]) {
        for activity in activities {
            let counts = activity.meter.counts
            readByteCount += counts.readByteCount
            fraction += counts.fraction
            phases.append("\(activity.image) \(counts.phase.rawValue)")
            count += 1
        }
    }

    func text(rate: Double) -> String {
        guard count > 0 else { return "connecting" }
        let done = min(max(fraction / Double(count), 0), 1)
        let filled = Int(done * 20)
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled)
        var text = "[\(bar)] \(Int(done * 100))%  \(Quantity.bytes(readByteCount))  \(Quantity.bytes(UInt64(rate)))/s"
        if rate > 0, done > 0.01, done < 1 {
            let left = Double(readByteCount) * (1 - done) / done / rate
            if left < 1e7 { text += "  \(Quantity.clock(Int(left))) left" }
        }
        return count == 1 ? "\(phases[0])  \(text)" : text
    }
}

extension TransferMeter.Counts {
    /// How much of the transfer is done, from 0 to 1: by bytes where the total is known, else by place in the image.
    fileprivate var fraction: Double {
        if phase == .publishing || phase == .done { return 1 }
        if let estimatedByteCount, estimatedByteCount > 0 {
            return Double(readByteCount) / Double(estimatedByteCount)
        }
        return imageByteCount > 0 ? Double(sentOffset) / Double(imageByteCount) : 0
    }
}
