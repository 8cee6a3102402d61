import CZstd
public import FerryCore

/// Inflates a stream of zstd frames, one after the other; skippable frames have no content. Frames of before zstd 0.8 are
/// refused, though some builds of libzstd still read them.
///
/// Memory is bounded: a frame may ask for a window of 128 MiB at most, the limit of the zstd command without `--long`.
///
/// Thread rule: not `Sendable`; one thread uses it at a time. It owns a `ZSTD_DCtx`, which is freed with it.
public final class StreamDecompressor {
    /// Largest window, as a power of two.
    static let windowLogMax: CInt = 27
    private static let magic: UInt32 = 0xfd2f_b528
    private static let skippableMagics: ClosedRange<UInt32> = 0x184d_2a50...0x184d_2a5f
    /// Bytes that `recognizes` looks at.
    public static let magicByteCount = 4

    private let raw: OpaquePointer
    /// Whether a frame has begun and not ended.
    public private(set) var isInsideFrame = false
    /// Whether the last call may have left content behind for want of room, which needs no more input to come out.
    public private(set) var holdsContent = false

    /// A decompressor at the start of a stream.
    ///
    /// Implements: ZSTD_DCtx *ZSTD_createDCtx(void);
    /// size_t ZSTD_DCtx_setParameter(ZSTD_DCtx *dctx, ZSTD_dParameter param, int value);
    public init() throws(ZstdError) {
        guard let raw = ZSTD_createDCtx() else { throw ZstdError(.outOfMemory) }
        self.raw = raw
        let result = ZSTD_DCtx_setParameter(raw, ZSTD_d_windowLogMax, Self.windowLogMax)
        guard ZSTD_isError(result) == 0 else { throw ZstdError(.badSetting, detail: errorName(result)) }
    }

    deinit { ZSTD_freeDCtx(raw) }

    /// Memory that the decompressor holds, in bytes.
    ///
    /// Implements: size_t ZSTD_sizeof_DCtx(const ZSTD_DCtx *dctx);
    var byteCount: Int { ZSTD_sizeof_DCtx(raw) }

    /// Whether a stream that starts with `bytes` is a zstd stream: a frame, or a skippable one, starts with four
    /// bytes of its own.
    public static func recognizes(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= magicByteCount else { return false }
        let number = (0..<magicByteCount).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32(8 * $1) }
        return number == magic || skippableMagics.contains(number)
    }

    /// Inflates from `input` into `range` of `output` until one of them is used up, or a frame ends.
    ///
    /// Throws `notAFrame` for what is no frame, `windowTooLarge`, and `damaged` for content that can't be inflated or
    /// does not match its checksum. After an error the decompressor is of no more use.
    ///
    /// Implements: size_t ZSTD_decompressStream(ZSTD_DStream *zds, ZSTD_outBuffer *output, ZSTD_inBuffer *input);
    public func decompress(
        _ input: Span<UInt8>, into output: DataBuffer, range: Range<Int>
    ) throws(ZstdError) -> StreamStep {
        guard !input.isEmpty || holdsContent else { return StreamStep(consumedByteCount: 0, producedByteCount: 0) }
        guard isInsideFrame || Self.mayBeginFrame(input[0]) else { throw ZstdError(.notAFrame) }
        let target = UnsafeMutableRawBufferPointer(rebasing: output.unsafeBytes[range])
        var inflated = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let (result, consumedByteCount) = input.withUnsafeBytes { bytes in
            var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            return (ZSTD_decompressStream(raw, &inflated, &source), source.pos)
        }
        guard ZSTD_isError(result) == 0 else { throw Self.error(result) }
        isInsideFrame = result != 0
        holdsContent = isInsideFrame && inflated.pos == inflated.size
        return StreamStep(consumedByteCount: consumedByteCount, producedByteCount: inflated.pos)
    }

    /// Says that the stream has ended. Throws `cutShort` when a frame has not.
    public func finish() throws(ZstdError) {
        guard !isInsideFrame else { throw ZstdError(.cutShort) }
    }

    /// Whether a frame or a skippable one may start with `byte`: an older one starts with another.
    private static func mayBeginFrame(_ byte: UInt8) -> Bool {
        byte == UInt8(truncatingIfNeeded: magic)
            || skippableMagics.contains { UInt8(truncatingIfNeeded: $0) == byte }
    }

    private static func error(_ result: Int) -> ZstdError {
        let code: ZstdError.Code =
            switch ZSTD_getErrorCode(result) {
            case ZSTD_error_memory_allocation: .outOfMemory
            case ZSTD_error_prefix_unknown: .notAFrame
            case ZSTD_error_frameParameter_windowTooLarge: .windowTooLarge
            default: .damaged
            }
        return ZstdError(code, detail: errorName(result))
    }
}
