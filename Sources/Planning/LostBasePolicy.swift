public import FerryCore

/// What is done when no snapshot is on both ends any more.
public enum LostBasePolicy: String, Sendable, CaseIterable {
    /// Nothing: someone has to say what.
    case refuse
    /// Both ends are compared, and what differs is sent.
    case reconcile
    /// Everything is sent.
    case full

    /// How the transfer's extents are found then; nil: there is none.
    public var mode: DiffMode? {
        switch self {
        case .refuse: nil
        case .reconcile: .compare
        case .full: .full
        }
    }
}
