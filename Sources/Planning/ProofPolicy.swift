/// When an agent proves that a mirror equals its source.
public struct ProofPolicy: Hashable, Sendable {
    /// What is proven after a run that published something.
    public enum AfterSync: String, Sendable, CaseIterable {
        /// Nothing.
        case none
        /// What the deltas of late touched, and a sample of the rest.
        case changed
        /// Every byte.
        case full
    }
    /// What is proven after a run that published something.
    public var afterSync: AfterSync
    /// Every byte is proven again when the last such proof is older; nil: never by itself.
    public var fullEvery: TimeSpan?
    /// How much of what no delta touched a proof of the changes takes in, at random.
    public var sample: Percentage

    /// A policy; by default nothing is proven unless someone asks.
    public init(
        afterSync: AfterSync = .none, fullEvery: TimeSpan? = nil, sample: Percentage = Self.usualSample
    ) {
        self.afterSync = afterSync
        self.fullEvery = fullEvery
        self.sample = sample
    }

    /// The sample when nobody says: with changes every 15 minutes all of an image is met in about a day.
    public static let usualSample = Percentage(1)

    /// Whether anything is proven without being asked for.
    public var provesByItself: Bool { afterSync != .none || fullEvery != nil }
}
