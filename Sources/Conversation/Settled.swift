/// What a comparison has come through: so that one that is cut need not begin again where little differs.
public struct Settled: Codable, Equatable, Sendable {
    /// Everything below this offset is equal on both ends, or is in the blocks that went before.
    public var offset: UInt64

    /// A comparison that has come through to `offset`.
    public init(offset: UInt64) {
        self.offset = offset
    }
}
