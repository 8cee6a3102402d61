import FerryCore
import Pipeline
import Synchronization

/// The mirrors that this process is at work on. A store's lock keeps other processes out; this keeps our own
/// connections from each other.
public final class MirrorClaims: Sendable {
    private struct Proven: Hashable {
        let mirror: String
        let snapshotID: UInt64
    }
    private let names = Mutex(Set<String>())
    /// Proofs of each snapshot that are under way.
    private let proofs = Mutex<[Proven: Int]>([:])
    private let proofRecords = ByteBudget(limit: 1)

    /// No claims.
    public init() {}

    /// Claims a mirror. Throws `.imageBusy` when it is claimed.
    func claim(_ name: String) throws(EngineError) {
        guard names.withLock({ $0.insert(name).inserted }) else { throw .imageBusy(name) }
    }

    /// Gives a claim back.
    func release(_ name: String) {
        names.withLock { _ = $0.remove(name) }
    }

    /// Notes that a proof reads a mirror's snapshot: retention leaves it alone.
    func beginProof(of snapshot: SnapshotIdentity, on mirror: String) {
        proofs.withLock { $0[Proven(mirror: mirror, snapshotID: snapshot.id), default: 0] += 1 }
    }

    /// Notes the end of a proof.
    func endProof(of snapshot: SnapshotIdentity, on mirror: String) {
        proofs.withLock { proofs in
            let proven = Proven(mirror: mirror, snapshotID: snapshot.id)
            let left = (proofs[proven] ?? 0) - 1
            proofs[proven] = left > 0 ? left : nil
        }
    }

    /// Ids of a mirror's snapshots that proofs read now.
    func snapshotsUnderProof(of mirror: String) -> Set<UInt64> {
        proofs.withLock { Set($0.keys.filter { $0.mirror == mirror }.map(\.snapshotID)) }
    }

    /// Runs `body`, which reads a record about proofs and stores it changed, while no other does.
    func changingProofRecords<Result: Sendable>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await proofRecords.take(1)
        defer { proofRecords.give(1) }
        return try await body()
    }
}
