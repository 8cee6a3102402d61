public import FoundationEssentials
public import ImageStore
public import Threading

/// Shows whether a mirror's snapshot equals the source's: each end reads its own, and digests are compared.
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
    public func run() async throws -> ProofReport {
        throw EngineError.peerTooOld
    }

    /// Ends the alarm that an earlier proof raised, on both ends, because the operator says that it is over.
    public func endAlarm() async throws {
        throw EngineError.peerTooOld
    }
}
