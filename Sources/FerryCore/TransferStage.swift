/// What a transfer spends its time on. Stages overlap: blocks are read while others are sent and applied.
///
/// The raw values are the names on the wire, in JSON and in metrics.
public enum TransferStage: String, Sendable, CaseIterable {
    /// Sender: making a snapshot, hooks included.
    case snapshot
    /// Sender: looking at the source, noting what is in flight, protecting snapshots, opening the delta.
    case prepare
    /// Sender: waiting for the answer to an offer, while the receiver prepares the mirror.
    case offer
    /// Sender: listing what changed.
    case diff
    /// Sender: reading what changed.
    case read
    /// Sender: waiting because of a limit on reads.
    case readLimit = "read_limit"
    /// Sender: waiting because of a limit on what it sends.
    case limit
    /// Sender: compression and digests, and waiting for a thread to do them.
    case compress
    /// Sender: waiting for the link to take bytes.
    case send
    /// Sender: waiting until more of what was sent is durable on the mirror.
    case window
    /// Receiver: waiting for a block, whatever else it does meanwhile.
    case receive
    /// Receiver: waiting for a block with nothing left to do.
    case starve
    /// Receiver: decompression and digests, and waiting for a thread to do them.
    case inflate
    /// Receiver: writing to the mirror.
    case apply
    /// Receiver: making what was written durable, and storing how far that is.
    case flush
    /// Receiver: making the mirror's snapshot and storing that it is published.
    case mirrorSnapshot = "mirror_snapshot"
    /// Sender: waiting until the receiver has published.
    case publish
    /// Sender: storing what the receiver has, and letting go of what was protected.
    case acknowledge

    /// Whether the receiver measures it.
    public var isReceivers: Bool {
        switch self {
        case .receive, .starve, .inflate, .apply, .flush, .mirrorSnapshot: true
        case .snapshot, .prepare, .offer, .diff, .read, .readLimit, .limit, .compress, .send, .window, .publish,
            .acknowledge:
            false
        }
    }
}
