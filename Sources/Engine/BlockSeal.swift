import Compression
import Conversation
import DiffStream
import FerryCore
import OpenSSL

/// A block that is ready to go: its whole wire record, and what the totals count.
struct SealedBlock: Sendable {
    /// Bytes of the wire record in front of the content.
    static let frontByteCount = WireRecord.headerByteCount + BlockHeader.byteCount

    /// The wire record's bytes, tag and length included.
    let wire: BufferSlice
    /// Bytes of content.
    let contentByteCount: Int
    /// Standard records in it.
    let recordCount: UInt64
    /// Those of them that carry data or zeros.
    let dataRecordCount: UInt64
    /// The content's digest.
    let digest: [UInt8]
    /// Every byte of the delta below this offset is in this block or an earlier one.
    let end: UInt64

    /// Compresses and signs `content`, which has `frontByteCount` bytes of room in front of it; incompressible content
    /// goes as it is, and all does when `level` is nil.
    init(
        content: BufferSlice, recordCount: UInt64, dataRecordCount: UInt64, end: UInt64, compressor: BlockCompressor,
        level: Int?
    ) throws(ZstdError) {
        digest = content.withSpan { BlockDigest.digest($0) }
        contentByteCount = content.byteCount
        self.recordCount = recordCount
        self.dataRecordCount = dataRecordCount
        self.end = end
        let compressed = try Self.compressed(content, compressor, level)
        let start = content.range.lowerBound - Self.frontByteCount
        let wire = compressed ?? BufferSlice(content.buffer, start..<content.range.upperBound)
        let header = BlockHeader(
            coding: compressed == nil ? .plain : .zstd, contentByteCount: content.byteCount, digest: digest)
        var front = [WireTag.block.rawValue]
        front.append(littleEndian: UInt64(wire.byteCount - WireRecord.headerByteCount))
        front += header.encoded
        wire.buffer.write(front.span, at: wire.range.lowerBound)
        self.wire = wire
    }

    private static func compressed(
        _ content: BufferSlice, _ compressor: BlockCompressor, _ level: Int?
    ) throws(ZstdError) -> BufferSlice? {
        guard let level else { return nil }
        return try content.withSpan { (span) throws(ZstdError) in
            try compressor.compress(span, level: level, frontByteCount: frontByteCount)
        }
    }
}

/// A block that was taken in: its content, checked against its digest, and the records in it.
struct OpenedBlock: Sendable {
    /// The content; records' data are ranges of its buffer.
    let content: BufferSlice
    /// The content's digest.
    let digest: [UInt8]

    /// Inflates and checks a block's payload.
    init(payload: BufferSlice, number: UInt64, decompressor: BlockDecompressor) throws {
        let header = try payload.withSpan { (span) throws(ProtocolViolation) in try BlockHeader(payload: span) }
        let coded = payload.dropFirst(BlockHeader.byteCount)
        switch header.coding {
        case .plain:
            content = coded
        case .zstd:
            content = BufferSlice(
                try coded.withSpan { (span) throws(ZstdError) in
                    try decompressor.decompress(span, contentByteCount: header.contentByteCount)
                })
        }
        digest = content.withSpan { BlockDigest.digest($0) }
        guard digest == header.digest else { throw EngineError.damagedBlock(number: number) }
    }
}
