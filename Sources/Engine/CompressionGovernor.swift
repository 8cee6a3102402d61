/// Chooses the zstd level by what holds a transfer up. A value: what was measured is passed in.
///
/// Compressing pays while the link is what all wait for: then each byte saved is time saved, up to where the processors
/// are what all wait for. On a link that is faster than zstd it only costs, so blocks go as they are. A rung that proved
/// wrong is left alone for a while, longer each time.
struct CompressionGovernor {
    /// What was measured since the last look.
    struct Window {
        /// Share of the time in which a block waited for the link, or for a limit, 0 to 1.
        var linkShare: Double
        /// Share of the time in which the receiver had nothing left to do, as it said last, 0 to 1; nil: not heard yet.
        var starvedShare: Double?
    }

    /// The levels; nil is no compression. Above 6 text shrinks by another hundredth for twice the work.
    static let rungs: [Int?] = [nil, 1, 3, 6]
    /// With this much waiting for the link, it is the link that holds a transfer up.
    static let linkShareHigh = 0.5
    /// With less, it is something else.
    static let linkShareLow = 0.25
    private static let barWindowCountFirst = 32
    private static let barWindowCountMax = 1024

    private var rung = 1
    private var windowCount = 0
    private var lastChange: (window: Int, isUp: Bool)?
    /// Up to which window a rung is not tried again, and for how long the last time.
    private var bars: [Int: (until: Int, windowCount: Int)] = [:]

    /// The level for the next blocks.
    var level: Int? { Self.rungs[rung] }

    /// Takes in what was measured.
    mutating func observe(_ window: Window) {
        windowCount += 1
        // The first window after a change measures blocks that were made before it.
        if let lastChange, windowCount == lastChange.window + 1 { return }
        if window.linkShare >= Self.linkShareHigh, let starved = window.starvedShare, starved >= 0.5 {
            move(to: rung + 1, isUp: true)
        } else if window.linkShare < Self.linkShareLow || window.starvedShare ?? 1 < 0.25 {
            move(to: rung - 1, isUp: false)
        }
    }

    private mutating func move(to next: Int, isUp: Bool) {
        guard Self.rungs.indices.contains(next), windowCount >= bars[next]?.until ?? 0 else { return }
        // Turning back at once says that the last move was wrong.
        if let lastChange, lastChange.isUp != isUp, windowCount <= lastChange.window + 2 {
            let before = bars[rung]?.windowCount ?? Self.barWindowCountFirst / 2
            let windowCount = min(before * 2, Self.barWindowCountMax)
            bars[rung] = (until: self.windowCount + windowCount, windowCount: windowCount)
        }
        rung = next
        lastChange = (windowCount, isUp)
    }
}
