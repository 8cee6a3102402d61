public import FerryCore

/// Some of an image's leaves: stretches of `Limits.digestLeafByteCount`. Takes 2 MiB at most: of images beyond 64 TiB
/// neighbours are in it together, so it may hold more than was put in, never less.
public struct LeafSet: Equatable, Sendable {
    private static let bitCountMax: UInt64 = 1 << 24

    /// Leaves of the image.
    public let leafCount: UInt64
    /// A bit stands for 2^shift leaves.
    private let shift: UInt64
    private var words: [UInt64] = []

    /// An empty set of leaves of an image with so many.
    public init(leafCount: UInt64) {
        self.leafCount = leafCount
        var shift: UInt64 = 0
        while leafCount >> shift > Self.bitCountMax { shift += 1 }
        self.shift = shift
    }

    /// Whether nothing was put in.
    public var isEmpty: Bool { words.isEmpty }

    /// Puts in the leaves that an extent touches; what lies behind the last leaf is passed over.
    public mutating func insert(_ extent: Extent) {
        let leafByteCount = Limits.digestLeafByteCount
        let first = extent.offset / leafByteCount
        guard extent.byteCount > 0, first < leafCount else { return }
        let last = min((extent.end - 1) / leafByteCount, leafCount - 1)
        if words.isEmpty { words = [UInt64](repeating: 0, count: Int((leafCount - 1) >> shift / 64) + 1) }
        for bit in first >> shift...last >> shift { words[Int(bit / 64)] |= 1 << (bit % 64) }
    }

    /// Puts in what another set of leaves of the same image holds.
    public mutating func formUnion(_ other: LeafSet) {
        precondition(other.leafCount == leafCount, "sets of one image")
        guard !isEmpty else { return self = other }
        for index in other.words.indices { words[index] |= other.words[index] }
    }

    /// Whether the leaf is in it.
    public func contains(_ leaf: UInt64) -> Bool { next(from: leaf) == leaf }

    /// The first leaf in it at or after `leaf`; nil when there is none.
    public func next(from leaf: UInt64) -> UInt64? {
        guard !isEmpty, leaf < leafCount else { return nil }
        let bit = leaf >> shift
        var index = Int(bit / 64)
        var word = words[index] & (.max << (bit % 64))
        while word == 0 {
            index += 1
            guard index < words.count else { return nil }
            word = words[index]
        }
        let found = (UInt64(index) * 64 + UInt64(word.trailingZeroBitCount)) << shift
        return max(found, leaf)
    }

    /// The leaves in it, as ascending runs of those that a bit stands for.
    func forEachRun(_ body: (Range<UInt64>) -> Void) {
        var leaf: UInt64 = 0
        while let start = next(from: leaf) {
            let end = min((start >> shift + 1) << shift, leafCount)
            body(start..<end)
            leaf = end
        }
    }
}
