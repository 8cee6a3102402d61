import Pipeline
import Synchronization

/// Memory for the content that a transfer holds at the receiver, from a block's arrival until it is applied.
///
/// The transfers of a process share it out evenly, and none waits for another: one whose mirror hangs keeps its share, and
/// the others go on with theirs.
final class ReceiverMemory: Sendable {
    /// For all transfers together, in bytes.
    static let byteCount: UInt64 = 12 << 20
    /// What each has at least, however many there are: a usual block.
    static let byteCountMin: UInt64 = 1 << 20 + 64 << 10
    /// What a small block counts as, so that their number is bounded too.
    static let blockByteCountMin: UInt64 = 16 << 10
    private static let transferCount = Mutex<UInt64>(0)

    private let budget = ByteBudget(limit: ReceiverMemory.byteCount)

    /// The memory of a transfer that begins; it ends with this object.
    init() { Self.transferCount.withLock { $0 += 1 } }

    deinit { Self.transferCount.withLock { $0 -= 1 } }

    /// Takes memory for a block, once there is some.
    func share(_ byteCount: UInt64) async throws -> ByteShare {
        let transferCount = Self.transferCount.withLock(\.self)
        budget.setLimit(max(Self.byteCount / max(transferCount, 1), Self.byteCountMin))
        return try await budget.share(max(byteCount, Self.blockByteCountMin))
    }
}
