import Hooks
import ImageStore
import Planning

extension Error {
    /// Whether a run that ended so was a try to bring its peer up to date that was in vain. It was none when someone
    /// stopped it, another agent has the image, or the source's store or rule stood in the way.
    var isVainTry: Bool {
        switch self {
        case is CancellationError, is LeaseHeldElsewhere, is LeaseLost: false
        case is StoreError, is HookError, is SourceIsMirror, is SyncConflict: false
        default: true
        }
    }
}
