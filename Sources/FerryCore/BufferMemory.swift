import Synchronization

/// Memory for data buffers, kept for the next one: fresh memory costs a page fault every 4 KiB.
///
/// Only one size is kept, the one that blocks come in; anything else is allocated and freed as usual.
enum BufferMemory {
    /// Size of a piece that is kept, in bytes.
    static let pieceByteCount = Limits.blockContentByteCountMax
    /// Smaller buffers are not worth a piece.
    private static let pieceUseByteCountMin = 128 << 10
    /// Free pieces that are kept at most.
    private static let freePieceCountMax = 8
    private static let alignment = 4096
    private static let free = Mutex<[Piece]>([])

    /// A piece that nobody uses. Sendable because whoever takes it from the list is its only user.
    private struct Piece: @unchecked Sendable {
        let address: UnsafeMutableRawPointer
    }

    /// What is taken for `byteCount` bytes.
    static func takenByteCount(_ byteCount: Int) -> Int { isPiece(byteCount) ? pieceByteCount : max(byteCount, 1) }

    /// Takes memory for `byteCount` bytes, not cleared.
    static func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        guard isPiece(byteCount) else { return .allocate(byteCount: max(byteCount, 1), alignment: alignment) }
        if let piece = free.withLock({ $0.popLast() }) { return piece.address }
        return .allocate(byteCount: pieceByteCount, alignment: alignment)
    }

    /// Gives memory back that was taken for `byteCount` bytes.
    static func give(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        let piece = Piece(address: address)
        let isKept =
            isPiece(byteCount)
            && free.withLock { free in
                guard free.count < freePieceCountMax else { return false }
                free.append(piece)
                return true
            }
        if !isKept { address.deallocate() }
    }

    private static func isPiece(_ byteCount: Int) -> Bool {
        (pieceUseByteCountMin...pieceByteCount).contains(byteCount)
    }
}
