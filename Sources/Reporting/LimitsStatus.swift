public import FoundationEssentials

/// How fast a sender may go, and how fast it goes.
public struct LimitsStatus: Codable, Hashable, Sendable {
    /// Blocks sent to all peers together.
    public var total: LimitStatus
    /// Reads from the source store.
    public var reads: LimitStatus
    /// Blocks sent to each peer, by name.
    public var peers: [LimitStatus]

    /// Limits from their parts.
    public init(total: LimitStatus, reads: LimitStatus, peers: [LimitStatus]) {
        self.total = total
        self.reads = reads
        self.peers = peers
    }
}

/// A limit as it is in force now.
public struct LimitStatus: Codable, Hashable, Sendable {
    /// Whose it is; nil: it is not one peer's.
    public var peer: String?
    /// Bytes per second; nil: no limit.
    public var limitBytesPerSecond: UInt64?
    /// What goes through, over the last ten seconds.
    public var bytesPerSecond: Double
    /// What went through since the agent started.
    public var passedBytes: UInt64
    /// When a window with another rate begins or ends; nil when none does.
    public var nextChangeAt: Date?

    /// A limit from its parts.
    public init(
        peer: String? = nil, limitBytesPerSecond: UInt64?, bytesPerSecond: Double, passedBytes: UInt64,
        nextChangeAt: Date? = nil
    ) {
        self.peer = peer
        self.limitBytesPerSecond = limitBytesPerSecond
        self.bytesPerSecond = bytesPerSecond
        self.passedBytes = passedBytes
        self.nextChangeAt = nextChangeAt
    }
}
