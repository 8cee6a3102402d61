/// A run of bytes in an image: where it starts and how long it is, both in bytes.
public struct Extent: Hashable, Sendable, Codable {
    /// First byte, counted from the start of the image.
    public let offset: UInt64
    /// Length in bytes.
    public let byteCount: UInt64

    /// For numbers that are our own: traps when the end does not fit in 64 bits.
    public init(offset: UInt64, byteCount: UInt64) {
        precondition(byteCount <= UInt64.max - offset, "extent ends past 2^64")
        self.offset = offset
        self.byteCount = byteCount
    }

    /// For numbers from a peer, a file or a cluster: nil when the end does not fit in 64 bits.
    public init?(untrustedOffset offset: UInt64, byteCount: UInt64) {
        guard byteCount <= UInt64.max - offset else { return nil }
        self.init(offset: offset, byteCount: byteCount)
    }

    /// The first byte after the extent.
    public var end: UInt64 { offset + byteCount }

    /// The part of this extent at or after `position`; nil when nothing is left.
    public func clipped(from position: UInt64) -> Extent? {
        guard end > position else { return nil }
        let start = max(offset, position)
        return Extent(offset: start, byteCount: end - start)
    }

    /// The part of this extent before `position`; nil when nothing is left.
    public func clipped(to position: UInt64) -> Extent? {
        guard offset < position, byteCount > 0 else { return nil }
        return Extent(offset: offset, byteCount: min(end, position) - offset)
    }
}

/// A stretch of an image that differs between two snapshots.
public struct ChangedExtent: Hashable, Sendable {
    /// What the stretch holds at the later snapshot.
    public enum Content: Sendable {
        /// Bytes that must be read; they may turn out to be zeros.
        case data
        /// Zeros, known without reading.
        case zero
    }

    /// Where it lies.
    public let extent: Extent
    /// What it holds.
    public let content: Content

    /// A changed stretch with its content.
    public init(_ extent: Extent, _ content: Content) {
        self.extent = extent
        self.content = content
    }
}
