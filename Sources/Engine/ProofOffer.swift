import Conversation
import FerryCore
import ImageStore
import Planning

/// The snapshots that a proof compares, as the two ends have agreed.
struct ProvenPair: Sendable {
    /// The source's, as it is now.
    let snapshot: Snapshot
    /// The mirror's.
    let mirror: SnapshotIdentity
    /// Its size, in bytes.
    let mirrorByteCount: UInt64

    /// Size of the larger one, in bytes: a size that differs is a difference.
    var imageByteCount: UInt64 { max(snapshot.byteCount, mirrorByteCount) }

    /// Bytes, from the beginning, that are compared; where the sizes differ, whole leaves of the smaller one. What lies
    /// behind them differs.
    var comparableByteCount: UInt64 {
        guard snapshot.byteCount != mirrorByteCount else { return mirrorByteCount }
        return min(snapshot.byteCount, mirrorByteCount) / Limits.digestLeafByteCount * Limits.digestLeafByteCount
    }

    /// Leaves in those.
    var leafCount: UInt64 {
        (comparableByteCount + Limits.digestLeafByteCount - 1) / Limits.digestLeafByteCount
    }
}

extension ImageProof {
    /// Offers what the settings name, and takes the pair that the receiver finds.
    func openPair() async throws -> ProvenPair {
        let snapshots = try await image.snapshots()
        if let name = settings.snapshot {
            guard let named = snapshots.first(where: { $0.identity.name == name }) else {
                throw ProofConflict.noSuchSnapshot(name)
            }
            try await checkNewest(named.identity, among: snapshots)
            return try await openPair([named])
        }
        guard !snapshots.isEmpty else { throw ProofConflict.noSnapshots(image: name) }
        let unfinished = try await readRecord().unfinished
        if mayGoOnWithOlder, let unfinished, unfinished.scope == settings.scope,
            let begun = snapshots.first(where: { $0.identity.id == unfinished.snapshot.id }),
            let pair = try await openPairIfThere(begun)
        {
            return pair
        }
        return try await openPair(snapshots)
    }

    /// Whether what was begun goes on although the image was synced since. A repair, and what is about the last deltas, is of
    /// the newest.
    private var mayGoOnWithOlder: Bool {
        if case .changed = settings.scope { return false }
        return !settings.repairs && !settings.startsAnew
    }

    /// Offers a snapshot alone; nil when the receiver will not have it.
    private func openPairIfThere(_ snapshot: Snapshot) async throws -> ProvenPair? {
        do {
            return try await openPair([snapshot])
        } catch is OfferRefusal {
            return nil
        }
    }

    /// Offers any of these snapshots, which ascend.
    func openPair(_ snapshots: [Snapshot]) async throws -> ProvenPair {
        guard let newest = snapshots.last else { throw ProofConflict.noSnapshots(image: name) }
        meter.update { $0 = TransferMeter.Counts(phase: .offering) }
        let outcome = try await session.offer(makeOffer(newest, older: snapshots.dropLast().map(\.identity)))
        guard case .prove(let base, let mirror, let byteCount) = outcome,
            let snapshot = snapshots.first(where: { $0.identity == base })
        else {
            throw ProtocolViolation(.unexpected(.answer, state: "a proof was offered"))
        }
        return ProvenPair(snapshot: snapshot, mirror: mirror, mirrorByteCount: byteCount)
    }

    private func makeOffer(_ target: Snapshot, older: [SnapshotIdentity]) -> Offer {
        Offer(
            image: name, source: image.identity, byteCount: target.byteCount, layout: OfferedLayout(image.layout),
            snapshots: Offer.listed(older.reversed()), target: target.identity, mode: .compare,
            checkpointByteCount: settings.checkpointByteCount, purpose: .proof)
    }

    /// Throws when a snapshot is to be repaired that the peer has a newer one than: before hours are spent on its proof.
    private func checkNewest(_ snapshot: SnapshotIdentity, among snapshots: [Snapshot]) async throws {
        guard settings.repairs,
            let record = try await image.state(SenderRecord.self, ImageStateKey.peer(settings.peer)),
            let newest = record.acknowledged, newest.id > snapshot.id,
            snapshots.contains(where: { $0.identity.id == newest.id })
        else { return }
        throw ProofConflict.notNewest(snapshot, newest: newest)
    }
}
