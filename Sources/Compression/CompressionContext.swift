import CZstd

/// One `ZSTD_CCtx`. One thread uses it at a time; it is freed with its owner.
struct CompressionContext: ~Copyable {
    private let raw: OpaquePointer

    /// A context without a level.
    ///
    /// Implements: ZSTD_CCtx *ZSTD_createCCtx(void);
    init() throws(ZstdError) {
        guard let raw = ZSTD_createCCtx() else { throw ZstdError(.outOfMemory) }
        self.raw = raw
    }

    deinit { ZSTD_freeCCtx(raw) }

    private func setLevel(_ level: Int) throws(ZstdError) {
        let range = Self.levelRange
        guard range.contains(level) else {
            throw ZstdError(.badSetting, detail: "level \(level) is not in \(range)")
        }
        let result = ZSTD_CCtx_setParameter(raw, ZSTD_c_compressionLevel, CInt(level))
        guard ZSTD_isError(result) == 0 else {
            throw ZstdError(.badSetting, detail: "level \(level): \(errorName(result))")
        }
    }

    /// The levels that this libzstd knows.
    ///
    /// Implements: int ZSTD_minCLevel(void);
    /// int ZSTD_maxCLevel(void);
    static var levelRange: ClosedRange<Int> { Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel()) }

    /// Memory that the context holds, in bytes.
    ///
    /// Implements: size_t ZSTD_sizeof_CCtx(const ZSTD_CCtx *cctx);
    var byteCount: Int { ZSTD_sizeof_CCtx(raw) }

    /// Compresses `content` at `level` into one frame that states its content's size. Returns the frame's length in
    /// bytes; nil when it does not fit into `output`.
    ///
    /// Implements: size_t ZSTD_CCtx_setParameter(ZSTD_CCtx *cctx, ZSTD_cParameter param, int value);
    /// size_t ZSTD_compress2(ZSTD_CCtx *cctx, void *dst, size_t dstCapacity,
    /// const void *src, size_t srcSize);
    func compress(
        _ content: Span<UInt8>, level: Int, into output: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int? {
        try setLevel(level)
        let result = content.withUnsafeBytes { bytes in
            ZSTD_compress2(raw, output.baseAddress, output.count, bytes.baseAddress, bytes.count)
        }
        guard ZSTD_isError(result) != 0 else { return result }
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_dstSize_tooSmall: return nil
        case ZSTD_error_memory_allocation: throw ZstdError(.outOfMemory)
        default: throw ZstdError(.failed, detail: errorName(result))
        }
    }
}
