public import FerryCore
public import FoundationEssentials
public import ImageStore
public import Planning

/// Removes from a source the snapshots that retention has no use for. Bases stay, as long as a peer is not away for
/// too long, and what a proof was begun with, for a week. Call it with the image's lease held.
public struct SourcePruning: Sendable {
    /// What was done, and what operators should know.
    public struct Result: Sendable {
        /// Removed now.
        public var removed: [SnapshotIdentity] = []
        /// Bases and the peers they are held for.
        public var bases = HeldBases()

        /// Nothing was done.
        public init() {}
    }
    private let image: any SourceImage
    private let keep: Retention
    private let peers: Set<String>
    private let baseSecondsMax: Int64
    private let now: Date

    /// Pruning of `image`, which is sent to `peers`, by `keep`, at the time `now`; a base is held in vain for
    /// `baseSecondsMax`.
    public init(image: any SourceImage, keep: Retention, peers: Set<String>, baseSecondsMax: Int64, now: Date) {
        self.image = image
        self.keep = keep
        self.peers = peers
        self.baseSecondsMax = baseSecondsMax
        self.now = now
    }

    /// Does it.
    public func run() async throws -> Result {
        // Before the list: what a run that begins meanwhile needs is in one or the other.
        let records = try await readRecords()
        let proving = try await readUnfinishedProofs()
        var snapshots = try await image.snapshots()
        var result = Result()
        result.bases = HeldBases.decide(
            records: records, peers: peers, snapshots: snapshots.map(\.retained), secondsMax: baseSecondsMax, now: now)
        for absence in result.bases.givenUp { try await giveUp(records[absence.peer], absence.peer) }
        if !result.bases.givenUp.isEmpty { snapshots = try await image.snapshots() }
        let pinned = Set(snapshots.filter(\.isPinned).map(\.identity.id))
        let removable = keep.removable(
            of: snapshots.map(\.retained), held: result.bases.held.union(pinned).union(proving), now: now,
            isOurs: SnapshotName.isOwn)
        for snapshot in removable {
            try Task.checkCancellation()
            if try await image.removeIfFree(snapshot) { result.removed.append(snapshot) }
        }
        return result
    }

    private func readRecords() async throws -> [String: SenderRecord] {
        var records: [String: SenderRecord] = [:]
        for entry in try await image.allMetadata() {
            guard let peer = ImageStateKey.peerName(of: entry.key) else { continue }
            records[peer] = try await image.state(SenderRecord.self, entry.key)
        }
        return records
    }

    /// Ids of snapshots that a proof was begun with and can go on with.
    private func readUnfinishedProofs() async throws -> Set<UInt64> {
        var held: Set<UInt64> = []
        for entry in try await image.allMetadata() where ImageStateKey.isProofOfPeer(entry.key) {
            let record = try await image.state(ProofRecord.self, entry.key)
            if let snapshot = record?.heldSnapshot(nowSeconds: Int64(now.timeIntervalSince1970)) {
                held.insert(snapshot.id)
            }
        }
        return held
    }

    /// Lets go of what is protected for a peer.
    private func giveUp(_ record: SenderRecord?, _ peer: String) async throws {
        let key = ImageStateKey.peer(peer)
        guard var record, !record.pins.isEmpty || record.inFlight != nil,
            // A transfer to it may have begun since.
            try await image.state(SenderRecord.self, key) == record
        else { return }
        let unpins = record.pins.map { SourceChange.unpinUnlessCloned($0) }
        record.pins = []
        record.inFlight = nil
        try await image.carryOut(unpins + [.setState(record, key)])
    }
}

extension Snapshot {
    /// As retention sees it.
    public var retained: RetainedSnapshot { RetainedSnapshot(identity: identity, time: createdAt) }
}

extension Image {
    /// Removes a snapshot; false when someone holds it. One that is gone already counts as removed by others.
    func removeIfFree(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool {
        do throws(StoreError) {
            try await removeSnapshot(snapshot)
            return true
        } catch {
            guard error.reason == .locked || error.reason == .notFound else { throw error }
            return false
        }
    }
}
