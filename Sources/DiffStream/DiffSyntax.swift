import FerryCore

/// How the records of a diff are laid out. What they say is the same.
public enum DiffSyntax: Sendable {
    /// *rbd diff v1*: what `rbd export-diff` writes. Records have no lengths and none tells of protection.
    case v1
    /// *rbd diff v2*: each record but the end states its length.
    case v2

    /// The first bytes of a diff in a file.
    public var banner: StaticString {
        switch self {
        case .v1: "rbd diff v1\n"
        case .v2: "rbd diff v2\n"
        }
    }

    /// The event that the record at `start` begins with.
    func head(_ bytes: Span<UInt8>, from start: Int, rules: RecordRules) throws(DiffError) -> RecordHead<DiffEvent> {
        switch self {
        case .v1: try RecordParserV1(rules: rules).head(bytes, from: start)
        case .v2: try RecordParserV2(rules: rules).head(bytes, from: start)
        }
    }
}
