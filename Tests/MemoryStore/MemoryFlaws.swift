/// What a memory store does wrong on purpose, so that a guard of the code that uses it has nothing to go by. Tests show
/// with it that they would notice if the guard were missing.
public struct MemoryFlaws: OptionSet, Sendable {
    /// One bit a flaw.
    public let rawValue: Int

    /// Flaws from their bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Things of a name that was used before get the id that its earlier bearer had.
    public static let idsFollowNames = MemoryFlaws(rawValue: 1)
    /// A pin is made of what is gone, too; and a handle that has pinned goes on listing what it has listed before.
    public static let pinsLie = MemoryFlaws(rawValue: 2)
    /// A flush makes nothing durable.
    public static let flushDoesNothing = MemoryFlaws(rawValue: 4)
    /// A head never differs from anything.
    public static let headsLookClean = MemoryFlaws(rawValue: 8)
    /// What a damaged snapshot reads as is what it held before.
    public static let damageIsNotRead = MemoryFlaws(rawValue: 16)
    /// What is kept about proofs reads as nothing.
    public static let proofsAreForgotten = MemoryFlaws(rawValue: 32)
}
