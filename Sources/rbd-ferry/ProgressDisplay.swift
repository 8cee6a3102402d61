import Foundation
import Reporting
import Synchronization

/// How far some work is.
struct ProgressState {
    /// What is being done.
    var label: String
    /// Bytes done so far.
    var byteCount: UInt64
    /// From 0 to 1.
    var fraction: Double

    func text(rate: Double) -> String {
        let done = min(max(fraction, 0), 1)
        let filled = Int(done * 20)
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled)
        var text = "[\(bar)] \(Int(done * 100))%  \(Quantity.bytes(byteCount))  \(Quantity.bytes(UInt64(rate)))/s"
        if rate > 0, done > 0.01, done < 1 {
            let left = Double(byteCount) * (1 - done) / done / rate
            if left < 1e7 { text += "  \(Quantity.clock(Int(left))) left" }
        }
        return label.isEmpty ? text : "\(label)  \(text)"
    }
}

/// A line at the bottom of a terminal that tells how far work is. Shows nothing when standard error is none.
final class ProgressDisplay: Sendable {
    private let isShown: Bool
    private let isLineOpen = Mutex(false)

    init(isShown: Bool) {
        self.isShown = isShown && isatty(STDERR_FILENO) == 1
    }

    /// Redraws the line until cancelled.
    func run(_ state: @escaping @Sendable () -> ProgressState) async {
        guard isShown else { return }
        var last: (time: ContinuousClock.Instant, byteCount: UInt64) = (.now, 0)
        var rate = 0.0
        while (try? await Task.sleep(for: .milliseconds(500))) != nil {
            let state = state()
            let now = ContinuousClock.now
            let seconds = Double((now - last.time).milliseconds) / 1000
            let grown = state.byteCount >= last.byteCount ? state.byteCount - last.byteCount : 0
            // Smoothed over a few seconds, so that the time left does not jump.
            let current = Double(grown) / max(seconds, 0.1)
            rate = rate == 0 ? current : rate * 0.8 + current * 0.2
            last = (now, state.byteCount)
            isLineOpen.withLock { $0 = true }
            FileHandle.standardError.write(Data(("\r\u{1B}[K" + state.text(rate: rate)).utf8))
        }
        clear()
    }

    /// Takes the line away so that something else can be printed.
    func clear() {
        guard isShown else { return }
        let wasOpen = isLineOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}
