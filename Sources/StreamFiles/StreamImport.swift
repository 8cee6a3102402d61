import DiffStream
import FerryCore
public import ImageStore
import Pipeline
import Planning
public import Threading

/// Applies a stream to an image.
///
/// An existing image takes a diff from a snapshot that it has and that its head equals, or, when it is empty, a full
/// one; otherwise the image is made. When anything is wrong with the stream, the image is left as it was.
public struct StreamImport: Sendable {
    /// Metadata that changes how librbd treats an image; not taken from a stream.
    static let librbdKeyPrefix = "conf_"
    /// Batches being applied at once; each holds a chunk of the stream.
    private static let batchCountMax = 8

    private let store: any ImageStore
    private let name: String
    private let restoresUnfinished: Bool
    private let workers: BlockingThreads
    private let meter: StreamMeter

    /// An import into the image `name` of `store`. `restoresUnfinished` permits to bring the image back first to what
    /// it was before an import that was killed; what happened to it since is lost. `workers` look for zeros; `meter`
    /// counts.
    public init(
        to name: String, in store: any ImageStore, restoresUnfinished: Bool = false, workers: BlockingThreads,
        meter: StreamMeter
    ) {
        self.store = store
        self.name = name
        self.restoresUnfinished = restoresUnfinished
        self.workers = workers
        self.meter = meter
    }

    /// What came of an import.
    public struct Outcome: Sendable {
        /// The diffs that were applied.
        public let diffs: [DiffSummary]
        /// The stream's format.
        public let formatName: String
        /// Keys of metadata in the stream that were not taken.
        public let droppedMetadataKeys: [String]
    }

    /// Reads `input` to its end and applies it; one that can be rewound is read through before the first write.
    public func run(_ input: StreamInput) async throws -> Outcome {
        if input.isRewindable {
            meter.update { $0.phase = .checking }
            try await check(StreamBatches(input))
            try await input.rewind()
        }
        meter.update { $0.phase = .importing }
        let reader = StreamBatches(input)
        let target = ImportTarget(store, name, restoresUnfinished: restoresUnfinished)
        do {
            // While the beginning of the stream is awaited, the image can be opened.
            async let opening: Void = target.open()
            let first = try await reader.nextDiff()
            try await opening
            await target.expect(reader.image?.layout ?? .standard, isHistory: reader.format?.isHistory ?? false)
            return try await apply(reader, first, to: target)
        } catch {
            try await undo(target, error)
        }
    }

    /// Reads a stream to its end, and does nothing with it.
    private func check(_ reader: StreamBatches) async throws {
        while let diff = try await reader.nextDiff() {
            meter.beginDiff(imageByteCount: diff.byteCount)
            while let batch = try await reader.nextBatch() { meter.update { $0.offset = batch.end } }
        }
        meter.update { $0.diffNumber = 0 }
    }

    private func apply(
        _ reader: StreamBatches, _ first: StreamBatches.OpenedDiff?, to target: ImportTarget
    ) async throws -> Outcome {
        var diffs: [DiffSummary] = []
        var opened = first
        meter.update { [count = await reader.diffCount] in $0.diffCount = count ?? 1 }
        while let diff = opened {
            meter.beginDiff(imageByteCount: diff.byteCount)
            meter.update { $0.phase = .preparing }
            let image = try await target.begin(diff)
            meter.update { $0.phase = .importing }
            try await apply(reader, to: image, isFull: diff.header.fromSnapshot == nil)
            diffs.append(DiffSummary(header: diff.header, totals: await reader.totals))
            // Before its snapshot is made: a stream that goes on wrongly must not leave one.
            opened = try await reader.nextDiff()
            meter.update { $0.phase = .finishing }
            try await target.finish(diff)
        }
        let metadata = await reader.image?.metadata ?? []
        let dropped = metadata.filter { entry in
            [Self.librbdKeyPrefix, ImageStateKey.prefix].contains { entry.key.hasPrefix($0) }
        }
        let taken = metadata.filter { !dropped.contains($0) }
        try await target.complete(taken.map { ImageMetadata(key: $0.key, value: $0.value) })
        return Outcome(
            diffs: diffs, formatName: await reader.format?.name ?? "", droppedMetadataKeys: dropped.map(\.key))
    }

    /// Applies the diff at hand, several batches at once: their extents ascend and never overlap.
    private func apply(_ reader: StreamBatches, to image: any MirrorImage, isFull: Bool) async throws {
        try await orderedMap(
            width: Self.batchCountMax, next: { try await reader.nextBatch() },
            transform: { batch in
                let writes = await workers.run { batch.writesWithoutZeros(keepsZeros: !isFull) }
                if !writes.isEmpty { try await image.apply(writes, from: batch.buffer) }
                return (end: batch.end, dataByteCount: writes.reduce(0) { $0 + $1.dataByteCount })
            },
            consume: { applied in
                meter.update { counts in
                    counts.offset = applied.end
                    counts.dataByteCount += applied.dataByteCount
                }
            })
    }

    /// Brings the image back, also when the import was cancelled, and throws why it ended.
    private func undo(_ target: ImportTarget, _ error: any Error) async throws -> Never {
        meter.update { $0.phase = .undoing }
        let undoing = await Task {
            do {
                try await target.undo()
                return nil as (any Error)?
            } catch {
                return error
            }
        }.value
        guard let undoing else { throw error }
        throw ImportError.notUndone(image: name, cause: error.oneLine, undoing: undoing.oneLine)
    }
}

extension StreamBatches.Batch {
    /// The changes, with zeros in the data as zero writes, or left out when the image is all zeros anyway.
    fileprivate func writesWithoutZeros(keepsZeros: Bool) -> [MirrorWrite] {
        var split: [MirrorWrite] = []
        for write in writes {
            guard case .data(let offset, let range) = write else {
                if keepsZeros { split.append(write) }
                continue
            }
            for run in buffer.runs(in: range, imageOffset: offset) {
                let start = offset + UInt64(run.range.lowerBound - range.lowerBound)
                if !run.isZero {
                    split.append(.data(offset: start, range: run.range))
                } else if keepsZeros {
                    split.append(.zeroes(Extent(offset: start, byteCount: UInt64(run.range.count))))
                }
            }
        }
        return split
    }
}

extension MirrorWrite {
    fileprivate var dataByteCount: UInt64 {
        guard case .data(_, let range) = self else { return 0 }
        return UInt64(range.count)
    }
}

extension ImageHeader {
    /// The layout that the stream says; the usual one when no image can have that.
    fileprivate var layout: ImageLayout {
        let layout = ImageLayout(
            objectOrder: UInt8(clamping: order), stripeUnitByteCount: stripeUnit, stripeCount: stripeCount)
        return layout.isValid ? layout : .standard
    }
}
