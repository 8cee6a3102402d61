extension [Extent] {
    /// Adds an extent that lies behind the others; it becomes one with the last where it begins at its end.
    public mutating func appendJoining(_ extent: Extent) {
        if let last, last.end == extent.offset {
            self[count - 1] = Extent(offset: last.offset, byteCount: last.byteCount + extent.byteCount)
        } else {
            append(extent)
        }
    }

    /// For lists from a peer or a store: bytes of all together; nil unless each has some, and they ascend, are apart and end
    /// at `end` at the latest.
    public func ascendingByteCount(upTo end: UInt64) -> UInt64? {
        var (place, byteCount) = (UInt64(0), UInt64(0))
        for extent in self {
            guard extent.byteCount > 0, extent.offset >= place, extent.end <= end else { return nil }
            place = extent.end
            byteCount += extent.byteCount
        }
        return byteCount
    }
}

/// Extents as they are written in JSON: pairs of offset and length.
public struct ExtentPairs: Codable, Sendable {
    /// The extents.
    public let extents: [Extent]

    /// Extents to write.
    public init(_ extents: [Extent]) {
        self.extents = extents
    }

    /// Reads pairs; each must end within an image's limit.
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        var extents: [Extent] = []
        while !list.isAtEnd {
            let pair = try list.decode([UInt64].self)
            guard pair.count == 2, let extent = Extent(untrustedOffset: pair[0], byteCount: pair[1]),
                extent.end <= Limits.imageByteCountMax
            else {
                throw DecodingError.dataCorruptedError(in: list, debugDescription: "an extent is [offset, length]")
            }
            extents.append(extent)
        }
        self.extents = extents
    }

    /// Writes pairs.
    public func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        for extent in extents { try list.encode([extent.offset, extent.byteCount]) }
    }
}
