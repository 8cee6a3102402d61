public import FerryCore
public import FoundationEssentials
public import Planning

/// What happens at a receiver, for those who watch it.
public enum ReceiverEvent: Sendable {
    /// A client was let in, by its name in the configuration.
    case connected(client: String)
    /// Its connection ended.
    case disconnected(client: String)
    /// A delta begins to come in; `meter` counts.
    case receiving(mirror: String, client: String, target: SnapshotIdentity, meter: TransferMeter)
    /// The mirror has a new snapshot, or turned out to have it.
    case published(mirror: String, client: String, pair: PublishedSnapshot, at: Date)
    /// An offer was refused, or a transfer ended early.
    case failed(mirror: String, client: String, error: any Error)
    /// A proof of the mirror was made; what it showed is in the record.
    case proven(mirror: String, client: String, record: ProofRecord)
    /// Retention removed snapshots from a mirror.
    case pruned(mirror: String, snapshots: [SnapshotIdentity])
}
