import Agent
import Engine
import Synchronization

/// How far a pass over several images is.
final class PassProgress: Sendable {
    private let imageCount: Int
    private let endedCount = Atomic(0)

    init(imageCount: Int) {
        self.imageCount = imageCount
    }

    /// One more image has ended.
    func ended() { endedCount.wrappingAdd(1, ordering: .relaxed) }

    /// All that are under way together.
    func state(_ activities: [PassActivity]) -> ProgressState {
        let counts = activities.map(\.meter.counts)
        var label =
            switch activities.count {
            case 0: "connecting"
            case 1: "\(activities[0].image) \(counts[0].phase.rawValue)"
            default: ""
            }
        if imageCount > 1 { label = "\(endedCount.load(ordering: .relaxed))/\(imageCount) images  \(label)" }
        return ProgressState(
            label: label, byteCount: counts.reduce(0) { $0 + $1.readByteCount + $1.comparedByteCount },
            fraction: counts.reduce(0) { $0 + $1.fraction } / Double(max(counts.count, 1)))
    }
}
