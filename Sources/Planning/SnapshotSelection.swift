/// Which snapshots of an image are mirrored.
public enum SnapshotSelection: Hashable, Sendable {
    /// Those that we make on schedule.
    case own
    /// Those that we make, and all that users make.
    case all
    /// Users' snapshots whose names match; we make none.
    case matching(ImagePattern)

    /// As a configuration writes it: `own`, `all`, or else a pattern.
    public init(_ text: String) {
        switch text {
        case "own": self = .own
        case "all": self = .all
        default: self = .matching(ImagePattern(text))
        }
    }

    /// As a configuration writes it.
    public var text: String {
        switch self {
        case .own: "own"
        case .all: "all"
        case .matching(let pattern): pattern.text
        }
    }

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
