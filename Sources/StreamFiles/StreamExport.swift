public import DiffStream
public import FerryCore
public import ImageStore
import Planning
public import Threading

/// Writes what changed in an image, or all of its history, as a stream.
public struct StreamExport: Sendable {
    /// The end of the export: a snapshot's name; nil for the head.
    public var snapshot: String?
    /// The snapshot to start from; nil for everything. Not for a history, which starts from nothing.
    public var base: String?
    /// The format of the stream.
    public var format: any StreamFormat
    /// How changed extents are found.
    public var mode: DiffMode

    /// What to export, and how.
    public init(
        snapshot: String?, base: String? = nil, format: any StreamFormat, mode: DiffMode = .hybrid
    ) {
        self.snapshot = snapshot
        self.base = base
        self.format = format
        self.mode = mode
    }

    /// What came of an export.
    public struct Outcome: Sendable {
        /// The stream's diffs.
        public let diffs: [DiffSummary]
        /// Why the snapshots were not pinned meanwhile; nil when they were.
        public let pinFailure: StoreError?
        /// What was done to the source and could not be undone; nil when nothing was left.
        public let leftBehind: LeftBehind?
    }

    /// Exports `image`, called `name`. When this returns, `output` is finished; when it throws, it was abandoned.
    public func run(
        _ image: any SourceImage, name: String, to output: StreamOutput, workers: BlockingThreads, meter: StreamMeter
    ) async throws -> Outcome {
        do {
            let steps = try steps(of: try await image.snapshots(), name)
            let (written, leftBehind) = try await HeldSource.with(steps, of: image, name: name) { source in
                meter.update { $0.diffCount = UInt64(source.steps.count) }
                let diffs = try await write(source, output, workers, meter)
                meter.update { $0.phase = .finishing }
                try await output.finish()
                return (diffs: diffs, pinFailure: source.pinFailure)
            }
            return Outcome(diffs: written.diffs, pinFailure: written.pinFailure, leftBehind: leftBehind)
        } catch {
            await output.abandon()
            throw error
        }
    }

    private func steps(of snapshots: [Snapshot], _ name: String) throws(ExportError) -> [DeltaStep] {
        guard format.isHistory else {
            return try DeltaStep.single(to: snapshot, from: base, snapshots: snapshots, image: name)
        }
        return try DeltaStep.history(to: snapshot, snapshots: snapshots, image: name)
    }

    private func write(
        _ source: HeldSource, _ output: StreamOutput, _ workers: BlockingThreads, _ meter: StreamMeter
    ) async throws -> [DiffSummary] {
        var opening = StreamPieces()
        if format.isHistory {
            let header = try await ImageHeader(of: source.image)
            opening.appendHead { format.appendOpening(header, diffCount: UInt64(source.steps.count), to: &$0) }
        }
        var diffs: [DiffSummary] = []
        for step in source.steps {
            let delta = try await source.image.openDelta(
                from: step.base?.identity, to: step.target.identity, mode: mode)
            let writer = DiffWriter(
                delta: delta, format: format, header: header(of: step, byteCount: delta.byteCount),
                workers: workers, output: output, meter: meter)
            let result: Result<DiffSummary, any Error>
            do {
                result = .success(try await writer.run(after: opening) { try await source.recheck(step) })
            } catch {
                result = .failure(error)
            }
            await delta.close()
            diffs.append(try result.get())
            opening = StreamPieces()
        }
        return diffs
    }

    private func header(of step: HeldSource.Step, byteCount: UInt64) -> DiffHeader {
        DiffHeader(
            fromSnapshot: step.base?.identity.name, toSnapshot: step.isHead ? nil : step.target.identity.name,
            isProtected: format.saysProtection && !step.isHead ? step.target.isPinned : nil, imageByteCount: byteCount)
    }
}

extension ImageHeader {
    /// What a stream says of an image. Our own state is left out: a copy is nobody's mirror.
    fileprivate init(of image: any SourceImage) async throws {
        let metadata = try await image.allMetadata().filter { !$0.key.hasPrefix(ImageStateKey.prefix) }
        self.init(
            order: UInt64(image.layout.objectOrder), features: try await image.featureBits(),
            stripeUnit: image.layout.stripeUnitByteCount, stripeCount: image.layout.stripeCount,
            metadata: metadata.map { Metadata(key: $0.key, value: $0.value) })
    }
}
