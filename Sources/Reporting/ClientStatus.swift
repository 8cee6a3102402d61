/// What a client takes of a receiver, and may take.
public struct ClientStatus: Codable, Hashable, Sendable {
    /// Its name in the configuration.
    public var name: String
    /// Connections that it has now.
    public var connectionCount = 0
    /// How many it may have; nil without a bound of its own.
    public var connectionCountMax: Int?
    /// Mirrors that it has.
    public var imageCount = 0
    /// How many it may have; nil without a bound.
    public var imageCountMax: Int?
    /// Sizes of its mirrors together.
    public var bytes: UInt64 = 0
    /// How much that may be; nil without a bound.
    public var bytesMax: UInt64?

    /// A client that takes nothing.
    public init(name: String) { self.name = name }
}
