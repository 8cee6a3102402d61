public import Engine
import FerryCore
public import Reporting

extension SyncStepResult {
    /// Where its time went.
    public var timing: TransferTiming { TransferTiming(times, duration: duration) }
}

extension [SyncStepResult] {
    /// Where the time of all that was sent went; nil when nothing was.
    var timing: TransferTiming? {
        let sent = filter { !$0.wasPublished }
        guard !sent.isEmpty else { return nil }
        let times = sent.reduce(into: StageTimes()) { $0.add($1.times) }
        return TransferTiming(times, duration: sent.reduce(.zero) { $0 + $1.duration })
    }
}
