/// Which image this is, however it is called today. Names are re-used; these three together are not.
public struct ImageIdentity: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Cluster fsid, or the identifier of a directory store.
    public let cluster: String
    /// Pool id (0 in a directory store).
    public let pool: Int64
    /// Image id as the store gave it when the image was created.
    public let image: String

    /// An identity from its three parts.
    public init(cluster: String, pool: Int64, image: String) {
        self.cluster = cluster
        self.pool = pool
        self.image = image
    }

    /// `cluster/pool/image`, for messages.
    public var description: String { "\(cluster)/\(pool)/\(image)" }
}

/// A snapshot's id and name. The id decides; the name is for people and for the mirror's snapshot.
public struct SnapshotIdentity: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Snapshot id: grows within a pool, is never used twice.
    public let id: UInt64
    /// Snapshot name.
    public let name: String

    /// A snapshot identity from its parts.
    public init(id: UInt64, name: String) {
        self.id = id
        self.name = name
    }

    /// Whether both are the same. Names that differ only in how a letter is spelled are different, as they are to Ceph.
    public static func == (one: SnapshotIdentity, other: SnapshotIdentity) -> Bool {
        one.id == other.id && one.name.hasSameBytes(as: other.name)
    }

    /// Hashes what decides.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    /// `name (id 12)`, for messages.
    public var description: String { "\(name) (id \(id))" }
}

/// How the list of changed extents is made. Part of a transfer's identity: lists of different modes differ.
public enum DiffMode: String, Sendable, Codable, CaseIterable {
    /// Changed objects from the object map, then exact extents inside them.
    case hybrid
    /// Exact extents everywhere.
    case exact
    /// No list at all: both ends read and digest what they hold, and what differs is sent.
    case compare
    /// Everything, zeros included.
    case full

    /// The modes in which the source's store lists what changed since a base.
    public static let changeLists: [DiffMode] = [.hybrid, .exact]
    /// Whether the extents come from such a list.
    public var usesChangeList: Bool { Self.changeLists.contains(self) }
}

/// One delta on its way. Two transfers are the same only if all of this is equal.
public struct TransferIdentity: Hashable, Sendable, Codable {
    /// The source image.
    public let source: ImageIdentity
    /// The snapshot both ends hold; nil for a full copy.
    public let base: SnapshotIdentity?
    /// The snapshot being sent.
    public let target: SnapshotIdentity
    /// How the delta's extents are found.
    public let mode: DiffMode

    /// A transfer from its parts.
    public init(source: ImageIdentity, base: SnapshotIdentity?, target: SnapshotIdentity, mode: DiffMode) {
        self.source = source
        self.base = base
        self.target = target
        self.mode = mode
    }
}
