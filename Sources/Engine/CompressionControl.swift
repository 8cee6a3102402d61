import FerryCore
import Planning
import Synchronization

/// The zstd level of one transfer, as its policy says or as its meter shows.
final class CompressionControl: Sendable {
    /// Content between two looks, in bytes.
    private static let windowByteCount: UInt64 = 4 << 20
    /// Before the first look. What the kernel's buffers take at once says nothing of the link.
    private static let firstWindowByteCount: UInt64 = 16 << 20

    private struct State {
        var governor = CompressionGovernor()
        var nextLook = firstWindowByteCount
        var lastTime = ContinuousClock.now
        var lastLinkSeconds = 0.0
    }
    private let policy: CompressionPolicy
    private let meter: TransferMeter
    private let state = Mutex(State())

    init(_ policy: CompressionPolicy, meter: TransferMeter) {
        self.policy = policy
        self.meter = meter
    }

    /// The level for the next block; nil: as it is.
    var level: Int? {
        switch policy {
        case .none: nil
        case .level(let level): level
        case .adaptive: state.withLock { $0.governor.level }
        }
    }

    /// To be called when a block was sent.
    func noteSent() {
        guard policy == .adaptive else { return }
        let counts = meter.counts
        guard state.withLock({ counts.contentByteCount >= $0.nextLook }) else { return }
        let times = meter.clock.times
        let linkSeconds = times.seconds(.send) + times.seconds(.limit)
        state.withLock { state in
            let now = ContinuousClock.now
            let seconds = max((now - state.lastTime) / .seconds(1), 0.001)
            state.governor.observe(
                CompressionGovernor.Window(
                    linkShare: min((linkSeconds - state.lastLinkSeconds) / seconds, 1),
                    starvedShare: counts.receiverStarvedShare))
            state.nextLook = counts.contentByteCount + Self.windowByteCount
            state.lastTime = now
            state.lastLinkSeconds = linkSeconds
        }
    }
}
