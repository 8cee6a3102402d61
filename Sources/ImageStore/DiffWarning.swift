public import FerryCore

/// Why a store's lists of changes may not be as good as they should be.
public enum DiffWarning: Hashable, Sendable, CustomStringConvertible {
    /// The store's own map of changed objects is marked as not to be trusted at these places, `head` or snapshots' names;
    /// changes are then listed without it, which is slower and as exact.
    case objectMapInvalid(at: [String])
    /// The store's library is of a release that can list too few changes.
    case faultyLibrary(release: String, fault: String, source: String, mendedIn: String)

    /// What is the matter and what to do about it, on one line.
    public var description: String {
        switch self {
        case .objectMapInvalid(let places):
            let named = places.prefix(3).joined(separator: ", ")
            let more = places.count > 3 ? " and \(places.count - 3) more" : ""
            return "its object map is invalid at \(named)\(more), so changes are listed without it, more slowly: run "
                + "`rbd object-map rebuild` for each of these"
        case .faultyLibrary(let release, let fault, let source, let mendedIn):
            return "librbd \(release) on this host is known to list too few changes (\(fault); \(source), mended in "
                + "\(mendedIn)): update it, prove the mirror with `verify`, and until then write `diff: compare`"
        }
    }
}

extension SourceImage {
    /// A store whose lists are what they should be.
    public func diffWarnings(
        mode: DiffMode, since base: SnapshotIdentity?
    ) async throws(StoreError) -> [DiffWarning] { [] }
}
