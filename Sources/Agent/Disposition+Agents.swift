import FerryCore
import Reporting

extension Disposition {
    /// Whether what is in the way passes by itself. What doesn't, someone has to mend.
    var passesByItself: Bool {
        switch self {
        case .temporary, .timedOut, .locked: true
        case .permanent, .refused, .unauthorized, .usage, .differs: false
        }
    }

    /// How an image stands on which a run failed so.
    var imageState: ImageState { passesByItself ? .retrying : .stopped }
}
