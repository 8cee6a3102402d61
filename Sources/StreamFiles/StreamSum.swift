import FerryCore
import OpenSSL
import Threading

/// Counts and hashes a stream's bytes. One caller at a time.
actor StreamSum {
    private(set) var byteCount: UInt64 = 0
    private let hasher = SharedHasher()
    private let workers: BlockingThreads

    init(_ workers: BlockingThreads) {
        self.workers = workers
    }

    /// Takes in the next bytes.
    func add(_ buffer: DataBuffer, _ range: Range<Int>) async {
        byteCount += UInt64(range.count)
        await workers.run { [hasher] in buffer.withSpan { hasher.update($0.extracting(range)) } }
    }

    /// SHA-256 of all bytes taken in. Called once.
    func digest() -> [UInt8] { hasher.finish() }
}

/// A hasher that worker threads use in turn.
///
/// Thread rule (why `@unchecked Sendable` holds): `StreamSum` awaits each call before it makes the next.
private final class SharedHasher: @unchecked Sendable {
    private var hasher: SHA256Hasher? = SHA256Hasher()

    func update(_ bytes: Span<UInt8>) { hasher?.update(bytes) }

    func finish() -> [UInt8] { hasher.take()?.finish() ?? [] }
}
