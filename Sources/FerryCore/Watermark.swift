/// Turns completions that arrive in any order into the offset below which everything is done.
///
/// Pieces of a delta are begun in order of offset. Each has a number; when piece `n` and all before it have
/// completed, the watermark is the end of piece `n`.
public struct Watermark: Sendable {
    /// Every byte of the delta below this offset is done.
    public private(set) var offset: UInt64
    /// Pieces that are begun and not yet below the watermark.
    public var pendingCount: Int { pieces.count }

    private struct Piece {
        let end: UInt64
        var isDone: Bool
    }

    private var firstNumber = 0
    private var pieces: [Piece] = []

    /// Starts where an earlier part of the same transfer ended; 0 for a fresh one.
    public init(offset: UInt64 = 0) {
        self.offset = offset
    }

    /// Notes that the next piece in order of offset was begun and ends at `end`. Returns its number.
    public mutating func begin(end: UInt64) -> Int {
        precondition(end >= (pieces.last?.end ?? offset), "pieces begin in order of offset")
        pieces.append(Piece(end: end, isDone: false))
        return firstNumber + pieces.count - 1
    }

    /// Notes that a piece is done; true when the watermark rose.
    @discardableResult
    public mutating func complete(_ number: Int) -> Bool {
        let index = number - firstNumber
        precondition(pieces.indices.contains(index) && !pieces[index].isDone, "a piece completes once")
        pieces[index].isDone = true
        let doneCount = pieces.prefix(while: \.isDone).count
        guard doneCount > 0 else { return false }
        let rose = pieces[doneCount - 1].end > offset
        offset = pieces[doneCount - 1].end
        pieces.removeFirst(doneCount)
        firstNumber += doneCount
        return rose
    }
}
