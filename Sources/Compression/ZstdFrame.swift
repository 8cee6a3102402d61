import CZstd

/// What can be learned of a frame without inflating it.
enum ZstdFrame {
    /// The size that the frame states for its content, in bytes.
    ///
    /// Frames of before zstd 0.8, which some builds of libzstd still read, are none: nobody needs to feed their decoders.
    ///
    /// Implements: unsigned long long ZSTD_getFrameContentSize(const void *src, size_t srcSize);
    static func contentByteCount(_ frame: Span<UInt8>) throws(ZstdError) -> UInt64 {
        guard StreamDecompressor.recognizes(frame) else { throw ZstdError(.notAFrame) }
        let size = frame.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        // The header spells these two values as macros with casts, which Swift does not see.
        switch size {
        case UInt64.max: throw ZstdError(.sizeNotStated)
        case UInt64.max - 1: throw ZstdError(.notAFrame)
        default: return size
        }
    }

    /// The length of the frame that `bytes` start with, in bytes. Reads the blocks' headers only.
    ///
    /// Implements: size_t ZSTD_findFrameCompressedSize(const void *src, size_t srcSize);
    static func byteCount(_ bytes: Span<UInt8>) throws(ZstdError) -> Int {
        let result = bytes.withUnsafeBytes { ZSTD_findFrameCompressedSize($0.baseAddress, $0.count) }
        guard ZSTD_isError(result) == 0 else { throw ZstdError(.notAFrame, detail: errorName(result)) }
        return result
    }
}

/// What libzstd calls the error `result`.
///
/// Implements: const char *ZSTD_getErrorName(size_t code);
func errorName(_ result: Int) -> String {
    String(cString: ZSTD_getErrorName(result))
}
