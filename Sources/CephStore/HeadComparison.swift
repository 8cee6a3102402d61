import FerryCore
import ImageStore
import Synchronization

/// Compares bytes of an image's head with those of a snapshot, or with zeros.
final class HeadComparison: Sendable {
    /// Bytes compared at a time.
    private static let pieceByteCountMax: UInt64 = 1 << 20

    private let pool: RadosPool
    private let imageID: String
    private let head: RBDHandle
    private let baseID: UInt64?
    /// Opened when there is something to compare, which is rare.
    private let base = Mutex<(handle: RBDHandle, byteCount: UInt64)?>(nil)

    /// A comparison of what `head` shows with a snapshot; nil: with zeros.
    init(_ pool: RadosPool, imageID: String, head: RBDHandle, baseID: UInt64?) {
        self.pool = pool
        self.imageID = imageID
        self.head = head
        self.baseID = baseID
    }

    /// The part of `extent` that begins with the first byte that differs; nil when all are equal.
    func firstDifference(in extent: Extent) async throws(CephError) -> Extent? {
        var rest: Extent? = extent
        while let piece = rest?.clipped(to: (rest?.offset ?? 0) + Self.pieceByteCountMax) {
            if let offset = try await firstDifferentOffset(in: piece) { return extent.clipped(from: offset) }
            rest = rest?.clipped(from: piece.end)
        }
        return nil
    }

    /// Lets go of the snapshot.
    func close() async {
        await CephThreads.control.run { self.base.withLock { $0.take() }?.handle.close() }
    }

    private func firstDifferentOffset(in piece: Extent) async throws(CephError) -> UInt64? {
        let (one, other) = (DataBuffer(byteCount: Int(piece.byteCount)), DataBuffer(byteCount: Int(piece.byteCount)))
        try await RBDBatch.run([.read(piece, position: 0)], on: head, one)
        try await readBase(piece, into: other)
        return one.firstDifference(from: other).map { piece.offset + UInt64($0) }
    }

    /// The base's bytes; zeros behind its end.
    private func readBase(_ piece: Extent, into buffer: DataBuffer) async throws(CephError) {
        buffer.clear()
        guard let baseID else { return }
        let (handle, byteCount) = try await CephThreads.control.run { () throws(CephError) in
            try self.openedBase(baseID)
        }
        guard let inside = piece.clipped(to: byteCount) else { return }
        try await RBDBatch.run([.read(inside, position: 0)], on: handle, buffer)
    }

    private func openedBase(_ id: UInt64) throws(CephError) -> (RBDHandle, UInt64) {
        try base.withLock { base throws(CephError) in
            if let base { return base }
            let handle = try RBDHandle(pool, .id(imageID), .momentary)
            do throws(CephError) {
                try handle.setSnapshot(id)
                let opened = (handle, try handle.byteCount())
                base = opened
                return opened
            } catch {
                handle.close()
                throw error
            }
        }
    }
}
