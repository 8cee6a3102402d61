public import FerryCore
public import FoundationEssentials

/// How mirroring of an image stands. A small closed set; README says of each what to do.
public enum ImageState: String, Codable, Sendable, CaseIterable {
    /// The first run has not begun.
    case waiting
    /// The mirror holds what the schedule asked for.
    case inSync = "in sync"
    /// A run is under way.
    case syncing
    /// The last run failed; it is tried again by itself.
    case retrying
    /// The last run failed, and trying again gives the same: someone must act.
    case stopped
    /// Another agent works on the image.
    case elsewhere
}

/// An image and a peer: at a sender the receiver it goes to, at a receiver the client it comes from.
public struct ImageStatus: Codable, Hashable, Sendable {
    /// The image's name in this agent's store.
    public var image: String
    /// The other end.
    public var peer: String
    /// How it stands.
    public var state: ImageState
    /// What the run under way is doing, in a word or two.
    public var phase: String?
    /// The newest snapshot that both ends hold.
    public var lastPublished: PublishedState?
    /// Time since the state that the mirror shows; nil before the first.
    public var lagSeconds: Double?
    /// The schedule's distance between two runs around now; nil without a schedule.
    public var intervalSeconds: Double?
    /// Whether the lag is more than two intervals.
    public var isLate = false
    /// The next run that is due.
    public var nextRunAt: Date?
    /// How far the transfer under way is.
    public var progress: TransferProgress?
    /// At a sender: where the time of the last run that brought something to the mirror went.
    public var lastTransfer: TransferTiming?
    /// What went wrong last; nil once a run went well.
    public var lastError: ImageError?
    /// Age of the base that is held for the peer.
    public var baseAgeSeconds: Double?
    /// At a sender: time since runs fail to bring the peer up to date, restarts included; nil when they do not, or nothing is
    /// held for the peer.
    public var failingSeconds: Double?
    /// The last comparison of the mirror with its source, whatever its scope.
    public var lastProof: ProofStatus?
    /// The last comparison of every byte.
    public var lastFullProof: ProofStatus?
    /// At a sender: whether the last comparison of every byte is older than two of the times that the rule asks for; nil
    /// when it asks for none.
    public var isProofLate: Bool?
    /// The next comparison of every byte that is due.
    public var nextFullProofAt: Date?
    /// The mirror was found to differ; nil when it was not, or that was mended.
    public var alarm: ProofAlarmStatus?
    /// What operators should know before it becomes an error.
    public var warnings: [String] = []
    /// Counts since the agent started.
    public var totals = TransferTotals()

    /// An image that nothing is known of yet.
    public init(image: String, peer: String, state: ImageState = .waiting) {
        self.image = image
        self.peer = peer
        self.state = state
    }
}

/// A snapshot that is on the mirror.
public struct PublishedState: Codable, Hashable, Sendable {
    /// Its name.
    public var snapshot: String
    /// When the source was as it shows.
    public var takenAt: Date
    /// When the mirror had it; nil when that was before the agent started and nothing tells.
    public var publishedAt: Date?

    /// A published snapshot.
    public init(snapshot: String, takenAt: Date, publishedAt: Date? = nil) {
        self.snapshot = snapshot
        self.takenAt = takenAt
        self.publishedAt = publishedAt
    }
}

/// How far a transfer is.
public struct TransferProgress: Codable, Hashable, Sendable {
    /// Bytes read from the source, or applied to the mirror, so far.
    public var doneBytes: UInt64
    /// Bytes on the wire so far.
    public var wireBytes: UInt64
    /// From 0 to 1; nil when the end can't be told.
    public var fraction: Double?
    /// `doneBytes` a second, over the last seconds.
    public var bytesPerSecond: Double
    /// Time left at that rate.
    public var secondsLeft: Double?

    /// A progress from its parts.
    public init(
        doneBytes: UInt64, wireBytes: UInt64, fraction: Double?, bytesPerSecond: Double, secondsLeft: Double?
    ) {
        self.doneBytes = doneBytes
        self.wireBytes = wireBytes
        self.fraction = fraction
        self.bytesPerSecond = bytesPerSecond
        self.secondsLeft = secondsLeft
    }
}

/// An error as operators read it.
public struct ImageError: Codable, Hashable, Sendable {
    /// What happened.
    public var cause: String
    /// What to do.
    public var remedy: String
    /// Which kind it is: temporary, permanent, refused, locked, unauthorized, usage, differs, timedOut.
    public var disposition: String
    /// When it happened last.
    public var at: Date
    /// Runs that failed in a row.
    public var failureCount: Int

    /// An error from its parts.
    public init(cause: String, remedy: String, disposition: String, at: Date, failureCount: Int) {
        self.cause = cause
        self.remedy = remedy
        self.disposition = disposition
        self.at = at
        self.failureCount = failureCount
    }
}

/// Counts that only grow.
public struct TransferTotals: Codable, Hashable, Sendable {
    /// Bytes read from the source (at a sender).
    public var readBytes: UInt64 = 0
    /// Content before compression, sent or applied.
    public var contentBytes: UInt64 = 0
    /// Content on the wire, after compression.
    public var wireBytes: UInt64 = 0
    /// Content that resuming did not need to send again.
    public var savedByResumeBytes: UInt64 = 0
    /// Runs that published, or found everything published.
    public var succeededRuns: UInt64 = 0
    /// Runs that failed.
    public var failedRuns: UInt64 = 0
    /// Snapshots published.
    public var publishedSnapshots: UInt64 = 0
    /// Snapshots that retention removed here.
    public var removedSnapshots: UInt64 = 0
    /// How long the stages of transfers took at this end; nil before the first.
    public var stages: StageTimes?

    /// Nothing counted yet.
    public init() {}

    /// Adds a transfer's stages.
    public mutating func add(_ times: StageTimes) {
        guard !times.isEmpty else { return }
        stages = stages ?? StageTimes()
        stages?.add(times)
    }
}
