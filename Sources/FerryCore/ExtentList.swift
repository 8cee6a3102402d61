extension [Extent] {
    /// Adds an extent that lies behind the others; it becomes one with the last where it begins at its end.
    public mutating func appendJoining(_ extent: Extent) {
        if let last, last.end == extent.offset {
            self[count - 1] = Extent(offset: last.offset, byteCount: last.byteCount + extent.byteCount)
        } else {
            append(extent)
        }
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
