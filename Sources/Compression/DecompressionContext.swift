import CZstd

/// One `ZSTD_DCtx`. One thread uses it at a time; it is freed with its owner.
struct DecompressionContext: ~Copyable {
    private let raw: OpaquePointer

    /// A context in its initial state.
    ///
    /// Implements: ZSTD_DCtx *ZSTD_createDCtx(void);
    init() throws(ZstdError) {
        guard let raw = ZSTD_createDCtx() else { throw ZstdError(.outOfMemory) }
        self.raw = raw
    }

    deinit { ZSTD_freeDCtx(raw) }

    /// Memory that the context holds, in bytes.
    ///
    /// Implements: size_t ZSTD_sizeof_DCtx(const ZSTD_DCtx *dctx);
    var byteCount: Int { ZSTD_sizeof_DCtx(raw) }

    /// Inflates one whole frame into `output`. Returns the bytes written.
    ///
    /// `output` is the window too, so no memory is taken for the one that the frame asks for.
    ///
    /// Implements: size_t ZSTD_decompressDCtx(ZSTD_DCtx *dctx, void *dst, size_t dstCapacity,
    /// const void *src, size_t srcSize);
    func decompress(_ frame: Span<UInt8>, into output: UnsafeMutableRawBufferPointer) throws(ZstdError) -> Int {
        let result = frame.withUnsafeBytes { bytes in
            ZSTD_decompressDCtx(raw, output.baseAddress, output.count, bytes.baseAddress, bytes.count)
        }
        guard ZSTD_isError(result) == 0 else { throw ZstdError(.damaged, detail: errorName(result)) }
        return result
    }
}
