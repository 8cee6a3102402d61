import FerryCore
import ImageStore

/// What `image.json` holds: all there is to know about an image besides its bytes.
struct ImageRecord: Codable, Equatable, Sendable {
    /// A snapshot, and the file `snapshots/NAME.raw` it lives in.
    struct SnapshotRecord: Codable, Equatable, Sendable {
        let id: UInt64
        let name: String
        let byteCount: UInt64
        var isPinned: Bool
        /// When it was made, in milliseconds since 1970; nil in records that are older than this.
        var createdAtMilliseconds: Int64?

        var identity: SnapshotIdentity { SnapshotIdentity(id: id, name: name) }
    }

    /// The only format there is so far.
    static let formatVersion = 1

    /// Version of this format.
    var format = formatVersion
    /// What the image was called by when it was made: random, never used again.
    let identity: String
    let layout: ImageLayout
    /// Ids below this were used.
    var nextSnapshotId: UInt64 = 1
    var snapshots: [SnapshotRecord] = []
    /// Files in `snapshots` that are being put there or taken away. Whoever changes the record next removes those
    /// that are not a snapshot's, because only a crash leaves any.
    var filesInTransit: [String] = []
    var metadata: [String: String] = [:]

    init(identity: String, layout: ImageLayout) {
        self.identity = identity
        self.layout = layout
    }

    /// The snapshot with that id, whatever it is called.
    func snapshot(_ identity: SnapshotIdentity) -> SnapshotRecord? {
        snapshots.first { $0.id == identity.id }
    }

    /// What contradicts itself in the record; nil when nothing does.
    var contradiction: String? {
        if format != ImageRecord.formatVersion { return "format \(format), this program knows 1" }
        if identity.isEmpty { return "no identity" }
        if !zip(snapshots, snapshots.dropFirst()).allSatisfy({ $0.id < $1.id }) { return "snapshot ids do not ascend" }
        if let last = snapshots.last, last.id >= nextSnapshotId { return "snapshot id \(last.id) was not given out" }
        if Set(snapshots.map(\.name)).count != snapshots.count { return "a snapshot name is there twice" }
        if nextSnapshotId > 1 << 62 { return "next snapshot id \(nextSnapshotId)" }
        let sizes = snapshots.map(\.byteCount)
        return sizes.contains { $0 > Limits.imageByteCountMax } ? "a snapshot is too large" : nil
    }
}
