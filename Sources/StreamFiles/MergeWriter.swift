import DiffStream
import FerryCore

/// Encodes a diff step by step and hands it to an output in large pieces.
struct MergeWriter {
    /// Pieces are handed on when they hold this many bytes.
    private static let byteCountTarget = 1 << 20
    /// Or when they come from this many buffers, each of which keeps a chunk of an input in memory.
    private static let bufferCountMax = 16
    /// Or when there are this many.
    private static let appendCountMax = 4096

    private let output: StreamOutput
    private let format: any StreamFormat
    private let meter: StreamMeter
    private var pieces = StreamPieces()
    private var appendCount = 0
    private var buffers = Set<ObjectIdentifier>()
    private var header = DiffHeader()
    private var totals = DiffTotals()

    init(_ output: StreamOutput, format: any StreamFormat, meter: StreamMeter) {
        self.output = output
        self.format = format
        self.meter = meter
    }

    mutating func append(_ header: DiffHeader) {
        self.header = header
        if !format.saysProtection { self.header.isProtected = nil }
        meter.beginDiff(imageByteCount: header.imageByteCount ?? 0)
        pieces.appendHead { [format] in format.appendDiffOpening(header, to: &$0) }
    }

    mutating func append(write extent: Extent) async throws {
        pieces.appendHead { [format] in format.appendWriteHeader(extent, to: &$0) }
        totals.countWrite(extent)
        try await noteExtent(extent)
    }

    mutating func append(zero extent: Extent) async throws {
        pieces.appendHead { [format] in format.appendZero(extent, to: &$0) }
        totals.countZero(extent)
        try await noteExtent(extent)
    }

    /// The bytes of the write that was announced last.
    mutating func append(_ range: Range<Int>, of buffer: DataBuffer) async throws {
        pieces.append(range, of: buffer)
        buffers.insert(ObjectIdentifier(buffer))
        try await handOnIfFull()
    }

    /// Writes the end. What was written is complete then, and not yet durable.
    mutating func finish() async throws -> DiffSummary {
        pieces.appendHead { [format] in format.appendEnd(to: &$0) }
        try await handOn()
        return DiffSummary(whole: header, totals)
    }

    private mutating func noteExtent(_ extent: Extent) async throws {
        meter.update { $0.offset = extent.offset }
        try await handOnIfFull()
    }

    private mutating func handOnIfFull() async throws {
        appendCount += 1
        guard
            pieces.byteCount >= Self.byteCountTarget || appendCount >= Self.appendCountMax
                || buffers.count >= Self.bufferCountMax
        else { return }
        try await handOn()
    }

    private mutating func handOn() async throws {
        try await output.write(pieces)
        pieces = StreamPieces()
        appendCount = 0
        buffers = []
    }
}
