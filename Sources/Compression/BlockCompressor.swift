public import FerryCore

/// Compresses blocks, each into a zstd frame of its own. Several threads may use it at once.
public final class BlockCompressor: Sendable {
    private let contexts = ContextPool<CompressionContext>()

    /// A compressor for blocks of any level.
    public init() {}

    /// The levels that a block may be compressed at: higher is smaller and slower, negative ones are the fastest.
    public static var levelRange: ClosedRange<Int> { CompressionContext.levelRange }

    /// A buffer with a zstd frame of `content` behind `frontByteCount` bytes that are the caller's to fill. The slice is
    /// the frame and what is in front of it.
    ///
    /// Nil when the frame would not be smaller than the content: send that as it is. Throws `badSetting` for a level
    /// outside `levelRange`.
    public func compress(
        _ content: Span<UInt8>, level: Int, frontByteCount: Int = 0
    ) throws(ZstdError) -> BufferSlice? {
        guard content.count > 1 else { return nil }
        let output = DataBuffer(byteCount: frontByteCount + content.count - 1)
        let room = UnsafeMutableRawBufferPointer(rebasing: output.unsafeBytes[frontByteCount...])
        let frameByteCount = try contexts.withContext { () throws(ZstdError) in
            try CompressionContext()
        } _: { context throws(ZstdError) in
            try context.compress(content, level: level, into: room)
        }
        return frameByteCount.map { BufferSlice(output, 0..<frontByteCount + $0) }
    }
}
