public import FerryCore

/// Inflates blocks. Several threads may use it at once.
public final class BlockDecompressor: Sendable {
    private let contexts = ContextPool<DecompressionContext>()

    /// A decompressor for blocks of any level.
    public init() {}

    /// The content of `frame`, which must be one whole zstd frame with exactly `contentByteCount` bytes in it.
    ///
    /// `contentByteCount` is what the peer announced; the caller has checked it against a limit. No memory is taken
    /// before the frame states the same.
    public func decompress(_ frame: Span<UInt8>, contentByteCount: Int) throws(ZstdError) -> DataBuffer {
        let stated = try ZstdFrame.contentByteCount(frame)
        guard contentByteCount > 0, stated == UInt64(contentByteCount) else {
            throw ZstdError(.sizeDiffers, expected: UInt64(clamping: contentByteCount), found: stated)
        }
        let frameByteCount = try ZstdFrame.byteCount(frame)
        guard frameByteCount == frame.count else {
            throw ZstdError(.trailingBytes, expected: UInt64(frameByteCount), found: UInt64(frame.count))
        }
        let content = DataBuffer(byteCount: contentByteCount)
        let inflatedByteCount = try contexts.withContext { () throws(ZstdError) in
            try DecompressionContext()
        } _: { context throws(ZstdError) in
            try context.decompress(frame, into: content.unsafeBytes)
        }
        guard inflatedByteCount == contentByteCount else {
            throw ZstdError(
                .sizeDiffers, expected: UInt64(contentByteCount), found: UInt64(clamping: inflatedByteCount))
        }
        return content
    }
}
