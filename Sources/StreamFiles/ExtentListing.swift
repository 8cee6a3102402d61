public import FerryCore
public import ImageStore

/// Lists what changed between two snapshots of an image, for use in other tools.
public struct ExtentListing: Sendable {
    /// The end: a snapshot's name; nil for the head.
    public var snapshot: String?
    /// The snapshot to start from; nil for everything that is there.
    public var base: String?
    /// How changed extents are found.
    public var mode: DiffMode
    /// Whole objects instead of exact extents: quick where the store keeps a map of them.
    public var wholeObjects: Bool

    /// What to list, and how.
    public init(snapshot: String?, base: String? = nil, mode: DiffMode = .hybrid, wholeObjects: Bool = false) {
        self.snapshot = snapshot
        self.base = base
        self.mode = mode
        self.wholeObjects = wholeObjects
    }

    /// Totals of a listing.
    public struct Totals: Equatable, Sendable {
        /// Extents listed.
        public var extentCount = 0
        /// Bytes in those that hold data.
        public var dataByteCount: UInt64 = 0
        /// Bytes in those that are zeros.
        public var zeroByteCount: UInt64 = 0
        /// Size of the image at the end, in bytes.
        public var imageByteCount: UInt64 = 0
        /// Why the snapshots were not pinned meanwhile; nil when they were.
        public var pinFailure: StoreError?
    }

    /// Gives `body` each changed extent of `image`, called `name`, in ascending order; neighbours of one kind are
    /// joined. What was given counts only when this returns.
    public func run(
        _ image: any SourceImage, name: String, meter: StreamMeter, _ body: (ChangedExtent) throws -> Void
    ) async throws -> Totals {
        let steps = try DeltaStep.single(
            to: snapshot, from: base, snapshots: try await image.snapshots(), image: name)
        return try await HeldSource.with(steps, of: image, name: name) { source in
            var totals = Totals()
            totals.pinFailure = source.pinFailure
            for step in source.steps {
                let delta = try await image.openDelta(
                    from: step.base?.identity, to: step.target.identity, mode: mode)
                do {
                    meter.beginDiff(imageByteCount: delta.byteCount)
                    try await list(delta, meter, &totals, body)
                } catch {
                    await delta.close()
                    throw error
                }
                await delta.close()
                try await source.recheck(step)
            }
            return totals
        }
    }

    private func list(
        _ delta: any Delta, _ meter: StreamMeter, _ totals: inout Totals, _ body: (ChangedExtent) throws -> Void
    ) async throws {
        totals.imageByteCount = delta.byteCount
        var open: ChangedExtent?
        var offset: UInt64 = 0
        while offset < delta.byteCount {
            try Task.checkCancellation()
            let batch = try await wholeObjects ? delta.changedObjects(from: offset) : delta.extents(from: offset)
            for changed in batch.extents {
                if let joined = open?.joined(with: changed) {
                    open = joined
                } else {
                    if let open { try totals.note(open, body) }
                    open = changed
                }
            }
            offset = batch.scannedTo
            meter.update { $0.offset = batch.scannedTo }
        }
        if let open { try totals.note(open, body) }
    }
}

extension ExtentListing.Totals {
    fileprivate mutating func note(_ changed: ChangedExtent, _ body: (ChangedExtent) throws -> Void) throws {
        extentCount += 1
        switch changed.content {
        case .data: dataByteCount += changed.extent.byteCount
        case .zero: zeroByteCount += changed.extent.byteCount
        }
        try body(changed)
    }
}

extension ChangedExtent {
    /// This and the next one as one extent; nil unless they touch and hold the same.
    fileprivate func joined(with next: ChangedExtent) -> ChangedExtent? {
        guard extent.end == next.extent.offset, content == next.content else { return nil }
        return ChangedExtent(
            Extent(offset: extent.offset, byteCount: extent.byteCount + next.extent.byteCount), content)
    }
}
