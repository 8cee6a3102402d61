public import FerryCore

/// Digests wanted of what the mirror holds: of its snapshot during a proof, of its head during a transfer by
/// comparison. What lies behind the end of the head counts as zeros.
public struct DigestQuery: Codable, Equatable, Sendable {
    /// The question's number, counted from 0 for each offer.
    public var number: UInt64
    /// What is asked about: ascending, not overlapping; each begins and, but for the end of the image, ends at a multiple
    /// of the grain.
    public var extents: [Extent]
    /// Bytes that one digest stands for: a power of two.
    public var grainByteCount: UInt64
    /// Whether one digest is wanted of all the digests together.
    public var isFolded: Bool

    private enum CodingKeys: String, CodingKey {
        case number, extents
        case grainByteCount = "grain_bytes"
        case isFolded = "folded"
    }

    /// A question from its parts.
    public init(number: UInt64, extents: [Extent], grainByteCount: UInt64, isFolded: Bool) {
        self.number = number
        self.extents = extents
        self.grainByteCount = grainByteCount
        self.isFolded = isFolded
    }

    /// Reads a question: extents are pairs of offset and length, and each must end within an image's limit.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        number = try container.decode(UInt64.self, forKey: .number)
        grainByteCount = try container.decode(UInt64.self, forKey: .grainByteCount)
        isFolded = try container.decode(Bool.self, forKey: .isFolded)
        extents = try container.decode(ExtentPairs.self, forKey: .extents).extents
    }

    /// Writes a question.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(number, forKey: .number)
        try container.encode(grainByteCount, forKey: .grainByteCount)
        try container.encode(isFolded, forKey: .isFolded)
        try container.encode(ExtentPairs(extents), forKey: .extents)
    }

    /// The stretches that one digest each stands for, in order.
    public var grains: [Extent] {
        extents.flatMap { extent -> [Extent] in
            stride(from: extent.offset, to: extent.end, by: Int(grainByteCount)).map {
                Extent(offset: $0, byteCount: min(grainByteCount, extent.end - $0))
            }
        }
    }

    /// How many digests the answer holds.
    public var digestCount: Int {
        isFolded ? 1 : extents.reduce(0) { $0 + Int(($1.byteCount + grainByteCount - 1) / grainByteCount) }
    }

    /// Throws unless the question is within the limits and inside an image of this size.
    func check(imageByteCount: UInt64) throws(ProtocolViolation) {
        let grains = Limits.digestGrainByteCountMin...Limits.digestLeafByteCount
        guard grains.contains(grainByteCount), grainByteCount.nonzeroBitCount == 1 else {
            throw violation("a grain of a power of two in \(grains)", "\(grainByteCount)")
        }
        guard (1...Limits.digestQueryExtentCountMax).contains(extents.count) else {
            throw violation("1 to \(Limits.digestQueryExtentCountMax) extents", "\(extents.count)")
        }
        var (end, byteCount) = (UInt64(0), UInt64(0))
        for extent in extents {
            guard extent.byteCount > 0, extent.offset >= end, extent.offset.isMultiple(of: grainByteCount),
                extent.end <= imageByteCount, extent.end.isMultiple(of: grainByteCount) || extent.end == imageByteCount
            else { throw violation("ascending extents of whole grains inside the image", "\(extent)") }
            end = extent.end
            byteCount += extent.byteCount
        }
        guard byteCount <= Limits.digestQueryByteCountMax else {
            throw violation("at most \(Limits.digestQueryByteCountMax) bytes", "\(byteCount)")
        }
    }

    private func violation(_ expected: String, _ found: String) -> ProtocolViolation {
        ProtocolViolation(.contradiction("question for digests", expected: expected, found: found))
    }
}
