import CZstd
public import FerryCore

/// Compresses a stream of any length into one zstd frame with a checksum.
///
/// Thread rule: not `Sendable`; one thread uses it at a time. It owns a `ZSTD_CCtx`, which is freed with it.
public final class StreamCompressor {
    /// The level that the zstd command has when none is given.
    public static let defaultLevel = 3
    /// The levels that a compressor may have.
    public static var levelRange: ClosedRange<Int> { CompressionContext.levelRange }

    private let raw: OpaquePointer

    /// A compressor at `level`; higher is smaller and slower. With a `workerCount` above 0, that many threads of
    /// libzstd compress while the caller goes on; a libzstd without threads does without them.
    ///
    /// Throws `badSetting` for a level outside `levelRange`.
    ///
    /// Implements: ZSTD_CCtx *ZSTD_createCCtx(void);
    public init(level: Int = StreamCompressor.defaultLevel, workerCount: Int = 0) throws(ZstdError) {
        let range = Self.levelRange
        guard range.contains(level) else {
            throw ZstdError(.badSetting, detail: "level \(level) is not in \(range)")
        }
        guard let raw = ZSTD_createCCtx() else { throw ZstdError(.outOfMemory) }
        self.raw = raw
        try set(ZSTD_c_compressionLevel, CInt(level))
        try set(ZSTD_c_checksumFlag, 1)
        if workerCount > 0 { try? set(ZSTD_c_nbWorkers, CInt(clamping: workerCount)) }
    }

    deinit { ZSTD_freeCCtx(raw) }

    /// Takes `input` in and writes what is ready into `range` of `output`.
    ///
    /// Input may be left over; then call again with the rest and with room for more output.
    public func compress(
        _ input: Span<UInt8>, into output: DataBuffer, range: Range<Int>
    ) throws(ZstdError) -> StreamStep {
        try input.withUnsafeBytes { bytes throws(ZstdError) in
            try step(ZSTD_e_continue, bytes, output, range).step
        }
    }

    /// Ends the frame. Writes what is left into `range` of `output`, from its start: how many bytes, and whether that
    /// was all. If not, call again.
    public func finish(
        into output: DataBuffer, range: Range<Int>
    ) throws(ZstdError) -> (producedByteCount: Int, isComplete: Bool) {
        let (step, heldByteCount) = try step(ZSTD_e_end, UnsafeRawBufferPointer(start: nil, count: 0), output, range)
        return (step.producedByteCount, heldByteCount == 0)
    }

    /// Implements: size_t ZSTD_CCtx_setParameter(ZSTD_CCtx *cctx, ZSTD_cParameter param, int value);
    private func set(_ parameter: ZSTD_cParameter, _ value: CInt) throws(ZstdError) {
        let result = ZSTD_CCtx_setParameter(raw, parameter, value)
        guard ZSTD_isError(result) == 0 else { throw ZstdError(.badSetting, detail: errorName(result)) }
    }

    /// Implements: size_t ZSTD_compressStream2(ZSTD_CCtx *cctx, ZSTD_outBuffer *output, ZSTD_inBuffer *input,
    /// ZSTD_EndDirective endOp);
    private func step(
        _ directive: ZSTD_EndDirective, _ bytes: UnsafeRawBufferPointer, _ buffer: DataBuffer, _ range: Range<Int>
    ) throws(ZstdError) -> (step: StreamStep, heldByteCount: Int) {
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer.unsafeBytes[range])
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let result = ZSTD_compressStream2(raw, &output, &input, directive)
        guard ZSTD_isError(result) == 0 else {
            let isMemory = ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation
            throw ZstdError(isMemory ? .outOfMemory : .failed, detail: errorName(result))
        }
        return (StreamStep(consumedByteCount: input.pos, producedByteCount: output.pos), result)
    }
}
