import Conversation
import FerryCore
import FoundationEssentials
import ImageStore
import Planning
import Threading

/// One proof at the receiver: a published snapshot that is read on its own, whatever syncs do to the mirror meanwhile, and
/// what the sender says about it.
struct ProofService: Sendable {
    private let image: any SourceImage
    private let delta: any Delta
    let mirrorName: String
    private let claims: MirrorClaims
    /// Which snapshots it is about.
    let plan: ProofPlan

    /// Size of the mirror's snapshot, in bytes.
    var byteCount: UInt64 { delta.byteCount }

    private init(
        _ image: any SourceImage, _ delta: any Delta, _ plan: ProofPlan, _ mirrorName: String, _ claims: MirrorClaims
    ) {
        self.image = image
        self.delta = delta
        self.plan = plan
        self.mirrorName = mirrorName
        self.claims = claims
    }

    /// Finds the snapshot that an offer is about, opens it, and keeps it from retention until `close`.
    static func open(
        _ offer: Offer, mirrorName: String, store: any ImageStore, claims: MirrorClaims
    ) async throws -> ProofService {
        let image: any SourceImage
        do {
            image = try await store.openSource(mirrorName)
        } catch  where error.reason == .notFound {
            throw ProofConflict.noMirror
        }
        do {
            let plan = try await plan(offer, image)
            claims.beginProof(of: plan.mirror, on: mirrorName)
            do {
                let delta = try await image.openDelta(from: nil, to: plan.mirror, mode: .exact)
                return ProofService(image, delta, plan, mirrorName, claims)
            } catch {
                claims.endProof(of: plan.mirror, on: mirrorName)
                throw error
            }
        } catch {
            await image.close()
            throw error
        }
    }

    private static func plan(_ offer: Offer, _ image: any SourceImage) async throws -> ProofPlan {
        let state = MirrorState(
            record: try await image.state(MirrorRecord.self, ImageStateKey.mirror), checkpoint: nil,
            snapshots: try await image.snapshots().map(\.identity))
        return try ProofPlan.decide(source: offer.source, offered: [offer.target] + offer.snapshots, mirror: state)
    }

    /// Digests of the snapshot.
    func digester(_ workers: BlockingThreads) -> GrainDigester {
        GrainDigester(read: { try await delta.read($0, into: $1) }, workers: workers)
    }

    /// Throws unless the snapshot is still there by id: then it was there during every read.
    func checkStillThere() async throws {
        guard try await image.snapshots().contains(where: { $0.identity.id == plan.mirror.id }) else {
            throw ProofConflict.snapshotGone(plan.mirror, image: mirrorName)
        }
    }

    /// Stores with the mirror what the sender says that the proof showed.
    func store(_ result: ProofResult, at time: Date) async throws -> ProofRecord {
        guard let differing = DifferingExtents(untrusted: result.differing, byteCount: result.differingByteCount) else {
            throw ProtocolViolation(
                .contradiction("result of a proof", expected: "extents that ascend, and fit their sum", found: "others")
            )
        }
        let summary = ProofSummary(
            snapshot: plan.snapshot, mirror: plan.mirror, atSeconds: Int64(time.timeIntervalSince1970),
            scope: result.scope, imageByteCount: result.imageByteCount, comparedByteCount: result.comparedByteCount,
            differingByteCount: result.differingByteCount)
        // Another proof of this mirror may end at the same time; an alarm must not get lost between reading and storing.
        return try await claims.changingProofRecords {
            var record = try await image.state(ProofRecord.self, ImageStateKey.proof) ?? ProofRecord()
            record.note(summary, differing, endsAlarm: result.endsAlarm)
            try await image.setState(record, ImageStateKey.proof)
            return record
        }
    }

    /// Lets go of the snapshot and the image.
    func close() async {
        await delta.close()
        claims.endProof(of: plan.mirror, on: mirrorName)
        await image.close()
    }
}
