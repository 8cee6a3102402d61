public import FerryCore

/// Where two images differ: neighbours joined, and no more of them than `Limits.differingExtentCountMax`. The sum goes on.
public struct DifferingExtents: Equatable, Sendable {
    /// The first stretches, in ascending order.
    public private(set) var extents: [Extent]
    /// Bytes of all of them, of those too that are not listed.
    public private(set) var byteCount: UInt64

    /// None.
    public init() {
        (extents, byteCount) = ([], 0)
    }

    /// For numbers from a peer or a store: nil unless the extents are few enough, ascending, apart and inside an image, and
    /// are no more than `byteCount` together.
    public init?(untrusted extents: [Extent], byteCount: UInt64) {
        guard let listed = extents.ascendingByteCount(upTo: Limits.imageByteCountMax), listed <= byteCount,
            extents.count <= Limits.differingExtentCountMax, byteCount <= Limits.imageByteCountMax
        else { return nil }
        self.extents = extents
        self.byteCount = byteCount
    }

    /// Whether there are none.
    public var isEmpty: Bool { byteCount == 0 }

    /// Whether all are listed.
    public var isWhole: Bool { unlistedByteCount == 0 }

    private var unlistedByteCount: UInt64 { byteCount - extents.reduce(0) { $0 + $1.byteCount } }

    /// Adds a stretch that lies behind all that were added before.
    public mutating func append(_ extent: Extent) {
        guard extent.byteCount > 0 else { return }
        byteCount += extent.byteCount
        let isJoined = extents.last?.end == extent.offset
        if isJoined || extents.count < Limits.differingExtentCountMax { extents.appendJoining(extent) }
    }

    /// What is in either. Of what is not listed in both, the greater sum is taken: it may be the same.
    public func union(_ other: DifferingExtents) -> DifferingExtents {
        var union = DifferingExtents()
        for extent in (extents + other.extents).sorted(by: { $0.offset < $1.offset }) {
            if let last = union.extents.last, last.end >= extent.offset {
                guard let rest = extent.clipped(from: last.end) else { continue }
                union.append(rest)
            } else {
                union.append(extent)
            }
        }
        let unlisted = max(unlistedByteCount, other.unlistedByteCount)
        union.byteCount = min(union.byteCount + unlisted, Limits.imageByteCountMax)
        return union
    }
}

extension DifferingExtents: Codable {
    private enum CodingKeys: String, CodingKey {
        case list
        case byteCount = "bytes"
    }

    /// Reads what was stored; what can't be is damage.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let extents = try container.decode(ExtentPairs.self, forKey: .list).extents
        let byteCount = try container.decode(UInt64.self, forKey: .byteCount)
        guard let differing = DifferingExtents(untrusted: extents, byteCount: byteCount) else {
            throw DecodingError.dataCorruptedError(forKey: .list, in: container, debugDescription: "out of range")
        }
        self = differing
    }

    /// Stores them, as pairs of offset and length.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(ExtentPairs(extents), forKey: .list)
        try container.encode(byteCount, forKey: .byteCount)
    }
}
