public import FerryCore
public import Hooks
public import Planning

/// What is done with an image.
public struct ImageSettings: Hashable, Sendable {
    /// When it is due; nil: only when someone asks.
    public var schedule: Schedule?
    /// Names of the peers that it goes to.
    public var peers: [String]
    /// Which of its snapshots are sent.
    public var snapshots: SnapshotSelection
    /// What happens to its users while a snapshot is made.
    public var quiesce: QuiescePolicy
    /// Which of its snapshots stay.
    public var keep: Retention
    /// What is sent after an outage.
    public var catchUp: CatchUp
    /// Run before a snapshot.
    public var before: Hook?
    /// Run after a snapshot.
    public var after: Hook?
    /// How changed extents are found: one of `modes`.
    public var mode: DiffMode
    /// What is done when no snapshot is on both ends any more.
    public var onLostBase: LostBasePolicy
    /// When its mirrors are proven.
    public var verify: ProofPolicy

    /// Modes that a rule can choose.
    public static let modes = DiffMode.changeLists + [.compare]

    /// Settings; by default those of an image about which no rule says anything.
    public init(
        schedule: Schedule? = nil, peers: [String], snapshots: SnapshotSelection = .own,
        quiesce: QuiescePolicy = .required, keep: Retention = .all, catchUp: CatchUp = .newest,
        before: Hook? = nil, after: Hook? = nil, mode: DiffMode = .hybrid, onLostBase: LostBasePolicy = .refuse,
        verify: ProofPolicy = ProofPolicy()
    ) {
        self.schedule = schedule
        self.peers = peers
        self.snapshots = snapshots
        self.quiesce = quiesce
        self.keep = keep
        self.catchUp = catchUp
        self.before = before
        self.after = after
        self.mode = mode
        self.onLostBase = onLostBase
        self.verify = verify
    }
}
