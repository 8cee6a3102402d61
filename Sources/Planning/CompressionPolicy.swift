/// How hard a sender compresses.
public enum CompressionPolicy: Hashable, Sendable {
    /// As hard as makes transfers fastest: it follows the link and the processors.
    case adaptive
    /// Not at all.
    case none
    /// Always at this zstd level.
    case level(Int)

    /// Levels that can be asked for. Those above take memory that an agent has no use for.
    public static let levelRange = 1...15
}
