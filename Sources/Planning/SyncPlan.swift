public import FerryCore

/// What a sender keeps with a source image about one peer. Stored as JSON, one record a peer.
public struct SenderRecord: Codable, Equatable, Sendable {
    /// A target that was offered and is not known to be published.
    public struct InFlight: Codable, Equatable, Sendable {
        /// The snapshot.
        public var target: SnapshotIdentity
        /// Whether we made it; only then may we remove it.
        public var isOwn: Bool
        /// How its extents are found where no base was left, so that it can be gone on with; nil: there was no need.
        public var lostBaseMode: DiffMode?

        private enum CodingKeys: String, CodingKey {
            case target
            case isOwn = "own"
            case lostBaseMode = "lost_base"
        }

        /// A target with its owner.
        public init(target: SnapshotIdentity, isOwn: Bool, lostBaseMode: DiffMode? = nil) {
            self.target = target
            self.isOwn = isOwn
            self.lostBaseMode = lostBaseMode
        }
    }

    /// The transfer that was begun and not acknowledged.
    public var inFlight: InFlight?
    /// Snapshots that we pinned and have to unpin.
    public var pins: [SnapshotIdentity]
    /// The newest snapshot that the peer acknowledged.
    public var acknowledged: SnapshotIdentity?
    /// When the peer answered last, by our clock, in seconds since 1970; nil when a release before this key wrote the record.
    public var heardAtSeconds: Int64?
    /// When the first run failed since the last that did not, by our clock, in seconds since 1970; nil: none has.
    public var failedSinceSeconds: Int64?
    /// When one failed last, as far as that was stored: it is an hour too early at most.
    public var lastFailedSeconds: Int64?

    private enum CodingKeys: String, CodingKey {
        case inFlight = "in_flight"
        case pins, acknowledged
        case heardAtSeconds = "heard_at"
        case failedSinceSeconds = "failed_since"
        case lastFailedSeconds = "last_failed"
    }

    /// A record; by default of a peer that nothing was sent to.
    public init(
        inFlight: InFlight? = nil, pins: [SnapshotIdentity] = [], acknowledged: SnapshotIdentity? = nil,
        heardAtSeconds: Int64? = nil, failedSinceSeconds: Int64? = nil,
        lastFailedSeconds: Int64? = nil
    ) {
        self.inFlight = inFlight
        self.pins = pins
        self.acknowledged = acknowledged
        self.heardAtSeconds = heardAtSeconds
        self.failedSinceSeconds = failedSinceSeconds
        self.lastFailedSeconds = lastFailedSeconds
    }
}

/// Which snapshot a sync sends first.
public enum SyncTarget: Equatable, Sendable {
    /// One that the user named.
    case named(SnapshotIdentity)
    /// One whose transfer was cut; a newer state may have to follow.
    case unfinished(SnapshotIdentity, isOwn: Bool)
    /// A new one, to be made now.
    case new

    /// Decides from what the user asked for (nil: the image as it is now), what was begun, and what is there.
    public static func decide(
        requested: String?, record: SenderRecord, snapshots: [SnapshotIdentity]
    ) throws(SyncConflict) -> SyncTarget {
        if let requested {
            guard let snapshot = snapshots.first(where: { $0.name == requested }) else {
                throw SyncConflict.noSuchSnapshot(requested)
            }
            return .named(snapshot)
        }
        if let inFlight = record.inFlight, snapshots.contains(inFlight.target) {
            return .unfinished(inFlight.target, isOwn: inFlight.isOwn)
        }
        return .new
    }
}

/// Why a sync can't begin.
public enum SyncConflict: Failure, Equatable {
    /// The user named a snapshot that the image does not have.
    case noSuchSnapshot(String)

    /// The same command gives the same result.
    public var disposition: Disposition { .permanent }

    /// What happened.
    public var cause: String {
        switch self {
        case .noSuchSnapshot(let name): "the image has no snapshot named \(name)"
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch self {
        case .noSuchSnapshot: "list the image's snapshots and name one of them, or leave --snapshot out"
        }
    }
}
