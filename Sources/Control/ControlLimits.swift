/// What clients of an agent's server may take up.
public struct ControlLimits: Sendable {
    /// Connections at once, on each address; further ones are closed at once.
    public var connectionCountMax = 64
    /// Longest body of a request, in bytes.
    public var bodyByteCountMax = 1 << 20
    /// Longest list of header fields, in bytes.
    public var headerByteCountMax = 16 << 10
    /// How long a client may say nothing between requests or inside of one, and take to read the last response.
    public var idleTimeout = Duration.seconds(15)
    /// How long a client may take to send a request's body, and to read the responses before the one that is due.
    public var transferTimeout = Duration.seconds(30)
    /// How long clients have to take in what is under way when the server stops.
    public var stopTimeout = Duration.seconds(2)

    /// Limits that are right for an agent.
    public init() {}
}
