#if canImport(Glibc)
import Glibc
#endif

/// Memory for image data that a C library fills or drains while we wait.
///
/// A `[UInt8]` can't lend its address to an operation that ends later, so reads and writes in flight use this.
/// It owns its memory and frees it with its last reference. Whoever starts an operation on it keeps a reference
/// until the operation has ended.
///
/// Thread rule (why `@unchecked Sendable` holds): a buffer has one writer at a time, and is read only after that
/// writer has ended; the owners hand it on through `await`, which orders the accesses.
public final class DataBuffer: @unchecked Sendable {
    /// Size in bytes.
    public let byteCount: Int
    private let memory: UnsafeMutableRawPointer

    /// Takes `byteCount` bytes, not cleared.
    public init(byteCount: Int) {
        self.byteCount = byteCount
        memory = BufferMemory.take(byteCount)
    }

    /// Memory that a buffer of so many bytes takes, in bytes: more than that where a piece is kept for the next one.
    public static func memoryByteCount(of byteCount: Int) -> Int { BufferMemory.takenByteCount(byteCount) }

    /// A buffer that holds a copy of `bytes`.
    public convenience init(_ bytes: some Collection<UInt8>) {
        self.init(byteCount: bytes.count)
        unsafeBytes.copyBytes(from: bytes)
    }

    deinit { BufferMemory.give(memory, byteCount) }

    /// The memory itself, for the wrappers of C calls. Valid as long as the buffer is referenced.
    public var unsafeBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    /// Lends the bytes for reading.
    @inlinable
    public func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = UnsafeRawBufferPointer(unsafeBytes).assumingMemoryBound(to: UInt8.self)
        return try body(bytes.span)
    }

    /// A copy of the bytes in `range`.
    public func bytes(in range: Range<Int>) -> [UInt8] {
        Array(unsafeBytes[range])
    }

    /// Appends the bytes in `range` to `array`, in one copy.
    public func append(_ range: Range<Int>, to array: inout [UInt8]) {
        array.append(contentsOf: UnsafeRawBufferPointer(rebasing: unsafeBytes[range]))
    }

    /// Copies `bytes` to `position`; they must fit.
    public func write(_ bytes: Span<UInt8>, at position: Int) {
        precondition(position >= 0 && bytes.count <= byteCount - position, "what is written fits")
        bytes.withUnsafeBytes { source in
            guard let address = source.baseAddress else { return }
            memcpy(memory + position, address, source.count)
        }
    }

    /// Whether every byte in `range` is zero.
    public func isZero(_ range: Range<Int>) -> Bool {
        guard let first = range.first else { return true }
        let start = UnsafeRawPointer(memory) + first
        guard unsafeBytes[first] == 0 else { return false }
        // A run equals itself shifted by one byte only if all its bytes equal the first.
        return memcmp(start, start + 1, range.count - 1) == 0
    }

    /// Makes every byte zero.
    public func clear() {
        memset(memory, 0, byteCount)
    }

    /// Makes the bytes in `range`, which must lie inside the buffer, zero.
    public func clear(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "what is cleared is there")
        memset(memory + range.lowerBound, 0, range.count)
    }

    /// Position of the first byte that differs from `other`'s, as far as both go; nil when there is none.
    public func firstDifference(from other: DataBuffer) -> Int? {
        let count = min(byteCount, other.byteCount)
        guard memcmp(memory, other.memory, count) != 0 else { return nil }
        return (0..<count).first { unsafeBytes[$0] != other.unsafeBytes[$0] }
    }
}
