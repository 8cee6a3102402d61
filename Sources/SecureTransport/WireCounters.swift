import Synchronization

/// Bytes of ciphertext that went over one connection's socket.
final class WireCounters: Sendable {
    private let receivedByteCounter = Atomic<UInt64>(0)
    private let sentByteCounter = Atomic<UInt64>(0)

    var receivedByteCount: UInt64 { receivedByteCounter.load(ordering: .relaxed) }
    var sentByteCount: UInt64 { sentByteCounter.load(ordering: .relaxed) }

    func received(_ byteCount: Int) { receivedByteCounter.wrappingAdd(UInt64(byteCount), ordering: .relaxed) }
    func sent(_ byteCount: Int) { sentByteCounter.wrappingAdd(UInt64(byteCount), ordering: .relaxed) }
}
