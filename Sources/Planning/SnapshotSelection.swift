/// Which snapshots of an image are mirrored.
public enum SnapshotSelection: Hashable, Sendable {
    /// Those that we make on schedule.
    case own
    /// Those that we make, and all that users make.
    case all
    /// Users' snapshots whose names match; we make none.
    case matching(ImagePattern)

    /// Whether runs make a snapshot.
    public var includesOwn: Bool {
        switch self {
        case .own, .all: true
        case .matching: false
        }
    }

    /// Whether a snapshot that a user made is mirrored.
    public func includesUsers(_ name: String) -> Bool {
        switch self {
        case .own: false
        // What an export makes for itself is gone in a moment.
        case .all: !name.hasPrefix(SnapshotName.temporaryPrefix)
        case .matching(let pattern): pattern.matches(name)
        }
    }
}
