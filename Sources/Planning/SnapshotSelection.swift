/// Which of an image's snapshots are sent.
public enum SnapshotSelection: Hashable, Sendable {
    /// Those that we make.
    case own
    /// Users' snapshots too.
    case all
    /// Ours, and those of users whose name matches.
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
}
