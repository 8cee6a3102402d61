public import FerryCore

/// Bytes to be written one after the other: small record heads, and parts of buffers that are not copied.
public struct StreamPieces: Sendable {
    enum Piece: Sendable {
        /// A range of `heads`.
        case head(Range<Int>)
        case data(DataBuffer, Range<Int>)
    }

    /// All heads, one behind the other.
    public private(set) var heads: [UInt8] = []
    /// Bytes of all pieces together.
    public private(set) var byteCount = 0
    private(set) var pieces: [Piece] = []

    /// Nothing.
    public init() {}

    /// Appends what `body` appends to `heads`; it must leave alone what is there.
    public mutating func appendHead<Failure: Error>(
        _ body: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let start = heads.count
        try body(&heads)
        precondition(heads.count >= start, "a head is appended, and none taken away")
        guard heads.count > start else { return }
        byteCount += heads.count - start
        // Heads that follow each other lie next to each other.
        if case .head(let range) = pieces.last {
            pieces[pieces.count - 1] = .head(range.lowerBound..<heads.count)
        } else {
            pieces.append(.head(start..<heads.count))
        }
    }

    /// Appends the bytes in `range` of `buffer`, which nobody may change until they are written.
    public mutating func append(_ range: Range<Int>, of buffer: DataBuffer) {
        precondition(0 <= range.lowerBound && range.upperBound <= buffer.byteCount, "the range lies in the buffer")
        guard !range.isEmpty else { return }
        byteCount += range.count
        pieces.append(.data(buffer, range))
    }
}
