public import Reporting

/// What an agent can be asked, by HTTP and through its control socket.
public protocol AgentControl: Sendable {
    /// How it is.
    func status() async -> AgentStatus

    /// Makes runs due now. A run that is under way is joined. With `isWaiting` it returns when they have ended.
    /// Cancelling ends the waiting, never a run: the client that waited is gone, or the agent's server stops.
    /// Throws what refuses the request as a whole: no such image, not a sender.
    func sync(_ request: SyncRequest, isWaiting: Bool) async throws -> [SyncReply]
}

/// A wish for runs.
public struct SyncRequest: Codable, Hashable, Sendable {
    /// Names or patterns of images; empty: all that the rules list.
    public var images: [String]
    /// Only to this peer.
    public var peer: String?
    /// Whether both ends are compared where no snapshot is common, whatever the rules say; nil: no.
    public var reconciles: Bool?

    /// A wish from its parts.
    public init(images: [String], peer: String? = nil, reconciles: Bool? = nil) {
        self.images = images
        self.peer = peer
        self.reconciles = reconciles
    }
}

/// What became of a wish, for one image and peer.
public struct SyncReply: Codable, Hashable, Sendable {
    /// The image.
    public var image: String
    /// The peer.
    public var peer: String
    /// Whether a run was under way and was joined.
    public var wasJoined: Bool
    /// How the run ended; nil when nobody waited for it.
    public var outcome: Outcome?

    /// How a run ended.
    public struct Outcome: Codable, Hashable, Sendable {
        /// The newest snapshot that is on the mirror now; nil after a failure.
        public var snapshot: String?
        /// Why it failed.
        public var error: ImageError?
        /// How long it took, in milliseconds.
        public var durationMs: Int64
        /// Bytes read from the source.
        public var readBytes: UInt64
        /// Bytes sent, after compression.
        public var sentBytes: UInt64
        /// Where the time went; nil when nothing was sent.
        public var timing: TransferTiming?

        /// An outcome from its parts.
        public init(
            snapshot: String?, error: ImageError?, durationMs: Int64, readBytes: UInt64 = 0, sentBytes: UInt64 = 0,
            timing: TransferTiming? = nil
        ) {
            self.snapshot = snapshot
            self.error = error
            self.durationMs = durationMs
            self.readBytes = readBytes
            self.sentBytes = sentBytes
            self.timing = timing
        }
    }

    /// A reply from its parts.
    public init(image: String, peer: String, wasJoined: Bool, outcome: Outcome? = nil) {
        self.image = image
        self.peer = peer
        self.wasJoined = wasJoined
        self.outcome = outcome
    }
}
