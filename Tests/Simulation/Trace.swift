/// What happened in a run, for the digest that proves a replay the same, and for people when a run failed.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
final class Trace: @unchecked Sendable {
    static let shared = Trace()

    /// Whether lines are made at all: that takes most of the time of a run.
    var isOn = false
    private var lines: [String] = []
    private static let lineCountMax = 4000

    /// Forgets what was before.
    func reset() { lines = [] }

    func note(_ text: @autoclosure () -> String) {
        guard isOn else { return }
        let line = text()
        for byte in line.utf8 { VirtualExecutor.shared.mix(UInt64(byte)) }
        if lines.count >= 2 * Self.lineCountMax { lines.removeFirst(Self.lineCountMax) }
        lines.append("\(VirtualExecutor.shared.now) \(line)")
    }

    /// The last lines.
    func tail(_ count: Int) -> [String] { lines.suffix(count) }
}
