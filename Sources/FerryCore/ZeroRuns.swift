/// A stretch of a buffer that is all data or all zeros.
public struct BufferRun: Hashable, Sendable {
    /// Byte positions in the buffer.
    public let range: Range<Int>
    /// Whether every byte of it is zero.
    public let isZero: Bool

    /// A run over `range`.
    public init(range: Range<Int>, isZero: Bool) {
        self.range = range
        self.isZero = isZero
    }
}

extension DataBuffer {
    /// Splits `range`, which holds the image's bytes from `imageOffset` on, into runs of data and of zeros.
    ///
    /// Granules are aligned in the image, not in the buffer, so that the same data splits the same way wherever
    /// a read began. A granule cut off by an end of the range counts as one. Runs are maximal and cover the range.
    public func runs(
        in range: Range<Int>, imageOffset: UInt64, granuleByteCount: Int = Limits.zeroGranuleByteCount
    ) -> [BufferRun] {
        var runs: [BufferRun] = []
        var position = range.lowerBound
        let intoGranule = Int(imageOffset % UInt64(granuleByteCount))
        var next = min(range.upperBound, position + granuleByteCount - intoGranule)
        while position < range.upperBound {
            let isZero = isZero(position..<next)
            if let last = runs.last, last.isZero == isZero {
                runs[runs.count - 1] = BufferRun(range: last.range.lowerBound..<next, isZero: isZero)
            } else {
                runs.append(BufferRun(range: position..<next, isZero: isZero))
            }
            position = next
            next = min(range.upperBound, position + granuleByteCount)
        }
        return runs
    }
}
