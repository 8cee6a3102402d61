public import FerryCore

/// What stands in front of a diff's data.
public struct DiffHeader: Hashable, Sendable {
    /// The snapshot that the diff starts from; nil for a full diff.
    public var fromSnapshot: String?
    /// The snapshot that the diff leads to; nil for the image's head.
    public var toSnapshot: String?
    /// Whether that snapshot is protected; nil when the stream does not say.
    public var isProtected: Bool?
    /// The image's size at the end of the diff, in bytes.
    public var imageByteCount: UInt64?

    /// A header from its parts.
    public init(
        fromSnapshot: String? = nil, toSnapshot: String? = nil, isProtected: Bool? = nil,
        imageByteCount: UInt64? = nil
    ) {
        self.fromSnapshot = fromSnapshot
        self.toSnapshot = toSnapshot
        self.isProtected = isProtected
        self.imageByteCount = imageByteCount
    }
}

/// What was counted in a diff.
public struct DiffTotals: Hashable, Sendable {
    /// Records of every kind but unknown ones; the end record counts.
    public var recordCount = 0
    /// `w` records.
    public var writeCount = 0
    /// `z` records.
    public var zeroCount = 0
    /// Bytes that `w` records write.
    public var writtenByteCount: UInt64 = 0
    /// Bytes that `z` records clear.
    public var zeroedByteCount: UInt64 = 0

    /// Nothing counted.
    public init() {}

    /// Counts a `w` record, but for `recordCount`.
    public mutating func countWrite(_ extent: Extent) {
        writeCount += 1
        writtenByteCount += extent.byteCount
    }

    /// Counts a `z` record, but for `recordCount`.
    public mutating func countZero(_ extent: Extent) {
        zeroCount += 1
        zeroedByteCount += extent.byteCount
    }

    /// Adds what was counted elsewhere.
    public static func += (totals: inout DiffTotals, more: DiffTotals) {
        totals.recordCount += more.recordCount
        totals.writeCount += more.writeCount
        totals.zeroCount += more.zeroCount
        totals.writtenByteCount += more.writtenByteCount
        totals.zeroedByteCount += more.zeroedByteCount
    }
}

/// The rules over a whole diff: each record once and in its place, extents that ascend inside the image.
///
/// Stock Ceph takes more than this and clips, ignores or overwrites without a word; none of that is let through.
public struct DiffChecker: Sendable {
    /// Whether a diff must name the snapshot it leads to.
    public enum ToSnapshotRule: Sendable {
        /// It must: a mirror publishes snapshots only.
        case required
        /// It may lead to the image's head.
        case optional
    }

    /// What the records in front of the data said so far.
    public private(set) var header = DiffHeader()
    /// What was counted so far.
    public private(set) var totals = DiffTotals()
    /// Whether the end record was checked.
    public private(set) var isAtEnd = false
    /// End of the last extent, in the image; extents must not start before it.
    public private(set) var nextOffset: UInt64

    private let toSnapshotRule: ToSnapshotRule
    private var previousOffset: UInt64
    private var isInsideData = false

    /// A checker at the start of a diff. A transfer that resumes has no extent below `resumeOffset`.
    public init(toSnapshot: ToSnapshotRule = .required, resumeOffset: UInt64 = 0) {
        toSnapshotRule = toSnapshot
        nextOffset = resumeOffset
        previousOffset = resumeOffset
    }

    /// Checks the next event, which the decoder found at `record`.
    public mutating func check(_ event: DiffEvent, at record: RecordPosition) throws(DiffError) {
        guard !isAtEnd else { throw DiffError(.afterEnd, at: record) }
        switch event {
        case .write(let extent):
            try checkExtent(extent, DiffTag.write, at: record)
            totals.countWrite(extent)
        case .zero(let extent):
            try checkExtent(extent, DiffTag.zero, at: record)
            totals.countZero(extent)
        case .data, .skipped: return
        case .end:
            try closeHeader(at: record)
            isAtEnd = true
        case .fromSnapshot(let name): try set(\.fromSnapshot, name, DiffTag.fromSnapshot, at: record)
        case .toSnapshot(let name): try set(\.toSnapshot, name, DiffTag.toSnapshot, at: record)
        case .protection(let isProtected): try set(\.isProtected, isProtected, DiffTag.protection, at: record)
        case .imageByteCount(let count): try set(\.imageByteCount, count, DiffTag.imageByteCount, at: record)
        }
        totals.recordCount += 1
    }

    /// Notes that everything below `offset` has been dealt with: no extent may start before it.
    public mutating func settle(to offset: UInt64) {
        nextOffset = max(nextOffset, offset)
    }

    private mutating func set<Value>(
        _ field: WritableKeyPath<DiffHeader, Value?>, _ value: Value, _ tag: UInt8, at record: RecordPosition
    ) throws(DiffError) {
        guard header[keyPath: field] == nil else { throw DiffError(.repeated, at: record, tag: tag) }
        guard !isInsideData else { throw DiffError(.afterData, at: record, tag: tag) }
        header[keyPath: field] = value
    }

    private mutating func checkExtent(_ extent: Extent, _ tag: UInt8, at record: RecordPosition) throws(DiffError) {
        if !isInsideData { try closeHeader(at: record) }
        guard extent.byteCount > 0 else { throw DiffError(.extentEmpty, at: record, tag: tag) }
        guard extent.offset >= nextOffset else {
            let code = extent.offset < previousOffset ? DiffError.Code.extentDescends : .extentOverlaps
            throw DiffError(code, at: record, tag: tag, expected: nextOffset, found: extent.offset)
        }
        if let imageByteCount = header.imageByteCount, extent.end > imageByteCount {
            throw DiffError(.extentOutsideImage, at: record, tag: tag, expected: imageByteCount, found: extent.end)
        }
        previousOffset = extent.offset
        nextOffset = extent.end
    }

    private mutating func closeHeader(at record: RecordPosition) throws(DiffError) {
        guard header.imageByteCount != nil else {
            throw DiffError(.missing, at: record, tag: DiffTag.imageByteCount)
        }
        if header.toSnapshot == nil {
            guard toSnapshotRule == .optional else { throw DiffError(.missing, at: record, tag: DiffTag.toSnapshot) }
            guard header.isProtected == nil else {
                throw DiffError(.protectionWithoutSnapshot, at: record, tag: DiffTag.protection)
            }
        }
        isInsideData = true
    }
}
