import Conversation
import FerryCore
public import FoundationEssentials
public import ImageStore
import Planning
public import Threading

/// Shows whether a mirror's snapshot equals the source's: each end reads its own, and digests are compared.
///
/// Neither snapshot is pinned: syncs go on beside a proof, and their pins are theirs. Both ends look their snapshot up again
/// before anything that they read is believed; ids are never used twice. Retention leaves alone what a proof needs.
public struct ImageProof: Sendable {
    let image: any SourceImage
    let name: String
    let session: SenderSession
    let settings: ProofSettings
    let workers: BlockingThreads
    let meter: TransferMeter
    let now: @Sendable () -> Date

    /// A proof of a snapshot of `image`, called `name` in its store. `workers` digest; `meter` counts.
    public init(
        image: any SourceImage, name: String, session: SenderSession, settings: ProofSettings, workers: BlockingThreads,
        meter: TransferMeter, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.image = image
        self.name = name
        self.session = session
        self.settings = settings
        self.workers = workers
        self.meter = meter
        self.now = now
    }

    /// Makes the proof, and repairs where the settings say so. What differs is no error. When it throws, or is cancelled,
    /// it is stored how far it came, and the next run of the same scope goes on there.
    ///
    /// A repair compares the whole image and sends all that differs, whatever the scope was, and neither it nor the proof of
    /// what it made ends with `timeMax`.
    public func run() async throws -> ProofReport {
        let began = ContinuousClock.now
        guard settings.scope.isValid else { throw ProofConflict.invalidScope(settings.scope) }
        guard session.knowsProofs else { throw EngineError.peerTooOld }
        let deadline = settings.timeMax.map { began + $0 }
        var report = try await prove(try await openPair(), until: deadline)
        if settings.repairs {
            if report.differingByteCount > 0 {
                report = try await repair(report)
            } else {
                try await concludeRepair(of: report.snapshot)
            }
        }
        meter.update { $0.phase = .done }
        report.duration = ContinuousClock.now - began
        return report
    }

    /// Ends the alarm that an earlier proof raised, on both ends, because the operator says that it is over. Nothing is
    /// compared; some snapshot must be on both ends.
    public func endAlarm() async throws {
        guard session.knowsProofs else { throw EngineError.peerTooOld }
        let pair = try await openPair(try await image.snapshots())
        _ = try await session.conclude(
            ProofResult(
                scope: "none", imageByteCount: pair.imageByteCount, comparedByteCount: 0, differingByteCount: 0,
                differing: [], endsAlarm: true))
        var record = try await readRecord()
        record.alarm = nil
        try await image.setState(record, stateKey)
        meter.update { $0.phase = .done }
    }

    // MARK: State

    var stateKey: String { ImageStateKey.proof(settings.peer) }

    var nowSeconds: Int64 { Int64(now().timeIntervalSince1970) }

    func readRecord() async throws -> ProofRecord {
        try await image.state(ProofRecord.self, stateKey) ?? ProofRecord()
    }

    /// Throws unless the source's snapshot is still there by id: then it was there during every read.
    func checkStillThere(_ snapshot: SnapshotIdentity) async throws {
        guard try await image.snapshots().contains(where: { $0.identity.id == snapshot.id }) else {
            throw ProofConflict.snapshotGone(snapshot, image: name)
        }
    }
}
