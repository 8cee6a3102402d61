public import FerryCore

/// Compresses blocks, each into a zstd frame of its own. Several threads may use it at once.
public final class BlockCompressor: Sendable {
    private let contexts = ContextPool<CompressionContext>()

    /// A compressor for blocks of any level.
    public init() {}

    /// A buffer with a zstd frame of `content` behind `frontByteCount` bytes that are the caller's to fill. The slice is
    /// the frame and what is in front of it.
    ///
    /// Higher levels are smaller and slower, negative ones are the fastest. Nil when the frame would not be smaller than
    /// the content: send that as it is. Throws `badSetting` for a level that zstd does not know.
    public func compress(
        _ content: Span<UInt8>, level: Int, frontByteCount: Int = 0
    ) throws(ZstdError) -> BufferSlice? {
        guard content.count > 1 else { return nil }
        if level >= Self.slowLevel, try !isPromising(content) { return nil }
        let output = DataBuffer(byteCount: frontByteCount + content.count - 1)
        let room = UnsafeMutableRawBufferPointer(rebasing: output.unsafeBytes[frontByteCount...])
        let frameByteCount = try contexts.withContext { () throws(ZstdError) in
            try CompressionContext()
        } _: { context throws(ZstdError) in
            try context.compress(content, level: level, into: room)
        }
        return frameByteCount.map { BufferSlice(output, 0..<frontByteCount + $0) }
    }

    /// From this level on zstd takes long to find that there is nothing to find: random bytes pass lower ones at
    /// 10 GB/s, and level 6 at 0.5.
    private static let slowLevel = 3
    private static let sampleByteCount = 16 << 10

    /// Whether any of three samples shrinks at the fastest usual level.
    private func isPromising(_ content: Span<UInt8>) throws(ZstdError) -> Bool {
        let last = content.count - Self.sampleByteCount
        guard last > 0 else { return true }
        for start in [0, last / 2, last] {
            let sample = content.extracting(start..<start + Self.sampleByteCount)
            if try compress(sample, level: 1) != nil { return true }
        }
        return false
    }
}
