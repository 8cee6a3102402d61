public import FerryCore
import Glibc

/// A head or a snapshot: its size, and the granules that were written. A copy costs nothing until it is changed.
public struct SparseBytes: Sendable {
    /// Bytes in a granule: what a delta reports at least, cut at the image's end.
    static let granuleByteCount = 4096

    /// Size in bytes.
    public private(set) var byteCount: UInt64
    private var granules: [UInt64: [UInt8]] = [:]

    /// All zeros.
    public init(byteCount: UInt64) { self.byteCount = byteCount }

    /// Makes each byte of `extent` another one, as far as it lies in its first granule and below the end; where that is. Nil:
    /// nowhere.
    mutating func flip(_ extent: Extent) -> Extent? {
        let number = extent.offset / UInt64(Self.granuleByteCount)
        let start = number * UInt64(Self.granuleByteCount)
        let end = min(start + UInt64(Self.granuleByteCount), byteCount)
        guard let changed = extent.clipped(to: end) else { return nil }
        for index in Int(changed.offset - start)..<Int(changed.end - start) {
            granules[number, default: Self.zeroGranule][index] ^= 0xA5
        }
        return changed
    }

    /// Whether both hold the same in the granule at an offset.
    func holds(theSameAs other: SparseBytes, at offset: UInt64) -> Bool {
        let number = offset / UInt64(Self.granuleByteCount)
        return Self.isSame(granules[number], other.granules[number])
    }

    /// Where both read differently, to the byte, zeros past an end included.
    public func differing(from other: SparseBytes, below end: UInt64 = .max) -> [Extent] {
        var extents: [Extent] = []
        for number in Set(granules.keys).union(other.granules.keys).sorted() {
            let (mine, theirs) = (granules[number], other.granules[number])
            guard !Self.isSame(mine, theirs) else { continue }
            let pairs = zip(mine ?? Self.zeroGranule, theirs ?? Self.zeroGranule)
            for (index, pair) in pairs.enumerated() where pair.0 != pair.1 {
                let offset = number * UInt64(Self.granuleByteCount) + UInt64(index)
                if offset < end { extents.appendJoining(Extent(offset: offset, byteCount: 1)) }
            }
        }
        return extents
    }

    /// Sets the size; what is cut off is gone.
    mutating func resize(to newByteCount: UInt64) {
        if newByteCount < byteCount {
            zero(Extent(offset: newByteCount, byteCount: byteCount - newByteCount))
        }
        byteCount = newByteCount
    }

    /// Puts bytes at an offset. The caller has checked that they fit.
    mutating func write(_ bytes: ArraySlice<UInt8>, at offset: UInt64) {
        forEachGranule(of: Extent(offset: offset, byteCount: UInt64(bytes.count))) { granules, number, range, done in
            let first = bytes.startIndex + done
            granules[number, default: SparseBytes.zeroGranule]
                .replaceSubrange(range, with: bytes[first..<first + range.count])
        }
    }

    /// Zeroes an extent; granules that it covers whole are no longer there.
    mutating func zero(_ extent: Extent) {
        guard extent.byteCount > SparseBytes.wholeScanByteCount else {
            return forEachGranule(of: extent) { granules, number, range, _ in
                SparseBytes.zero(&granules, number, range)
            }
        }
        // A large extent may be mostly holes: go through what is there, not through what could be.
        let granuleByteCount = UInt64(SparseBytes.granuleByteCount)
        for number in granules.keys {
            let start = number * granuleByteCount
            let granule = Extent(offset: start, byteCount: granuleByteCount)
            guard let cut = granule.clipped(from: extent.offset)?.clipped(to: extent.end) else { continue }
            SparseBytes.zero(&granules, number, Int(cut.offset - start)..<Int(cut.end - start))
        }
    }

    /// Copies an extent, zeros past the end included, to `target` from `position` on.
    func read(_ extent: Extent, into target: UnsafeMutableRawBufferPointer, at position: Int) {
        var copy = self
        copy.forEachGranule(of: extent) { granules, number, range, done in
            let piece = UnsafeMutableRawBufferPointer(rebasing: target[(position + done)...].prefix(range.count))
            piece.copyBytes(from: (granules[number] ?? SparseBytes.zeroGranule)[range])
        }
    }

    /// Whether both read the same below `end`, zeros past an end included.
    public func reads(as other: SparseBytes, below end: UInt64 = .max) -> Bool {
        let size = UInt64(Self.granuleByteCount)
        return Set(granules.keys).union(other.granules.keys).allSatisfy { number in
            let (mine, theirs) = (granules[number], other.granules[number])
            guard !Self.isSame(mine, theirs), number < (end + min(size - 1, .max - end)) / size else { return true }
            let count = Int(min(size, end - number * size))
            return (mine ?? Self.zeroGranule).prefix(count) == (theirs ?? Self.zeroGranule).prefix(count)
        }
    }

    /// All bytes.
    var bytes: [UInt8] {
        let buffer = DataBuffer(byteCount: Int(byteCount))
        read(Extent(offset: 0, byteCount: byteCount), into: buffer.unsafeBytes, at: 0)
        return buffer.bytes(in: 0..<buffer.byteCount)
    }

    /// Numbers of the granules in which `self` and `base` may differ, in ascending order.
    func changedGranules(since base: SparseBytes?) -> [UInt64] {
        let base = base ?? SparseBytes(byteCount: 0)
        let numbers = Set(granules.keys).union(base.granules.keys)
        return numbers.filter { number in
            number * UInt64(SparseBytes.granuleByteCount) < byteCount
                && !SparseBytes.isSame(granules[number], base.granules[number])
        }.sorted()
    }

    /// What a granule holds, for the list of a delta.
    func content(ofGranule number: UInt64) -> ChangedExtent.Content {
        granules[number] == nil ? .zero : .data
    }

    private static let zeroGranule = [UInt8](repeating: 0, count: granuleByteCount)
    /// Whether two granules hold the same bytes, or neither is there. Most of the simulation's time goes by here.
    private static func isSame(_ one: [UInt8]?, _ other: [UInt8]?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one.withUnsafeBytes { one in
            other.withUnsafeBytes { other in
                guard one.count == other.count, let first = one.baseAddress, let second = other.baseAddress else {
                    return one.isEmpty && other.isEmpty
                }
                return first == second || memcmp(first, second, one.count) == 0
            }
        }
    }

    private static let wholeScanByteCount: UInt64 = 16 << 20

    private static func zero(_ granules: inout [UInt64: [UInt8]], _ number: UInt64, _ range: Range<Int>) {
        if range.count == granuleByteCount {
            granules[number] = nil
        } else {
            granules[number]?.replaceSubrange(range, with: repeatElement(0, count: range.count))
        }
    }

    /// Calls `body` for each granule that `extent` touches, with the range inside it and the bytes before it.
    private mutating func forEachGranule(
        of extent: Extent, _ body: (inout [UInt64: [UInt8]], UInt64, Range<Int>, Int) -> Void
    ) {
        let granuleByteCount = UInt64(SparseBytes.granuleByteCount)
        var position = extent.offset
        while position < extent.end {
            let number = position / granuleByteCount
            let end = min(extent.end, (number + 1) * granuleByteCount)
            let start = number * granuleByteCount
            body(&granules, number, Int(position - start)..<Int(end - start), Int(position - extent.offset))
            position = end
        }
    }
}
