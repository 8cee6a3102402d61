import Compression
import Conversation
import DiffStream
import FerryCore
import OpenSSL

/// A block that is ready to go: its whole wire record, and what the totals count.
struct SealedBlock: Sendable {
    /// The wire record's bytes, tag and length included.
    let wireBytes: [UInt8]
    /// Bytes of content.
    let contentByteCount: Int
    /// Standard records in it.
    let recordCount: UInt64
    /// Those of them that carry data or zeros.
    let dataRecordCount: UInt64
    /// SHA-256 of the content.
    let digest: [UInt8]
    /// Every byte of the delta below this offset is in this block or an earlier one.
    let end: UInt64

    /// Compresses and signs `content`; incompressible content goes as it is.
    init(
        content: [UInt8], recordCount: UInt64, dataRecordCount: UInt64, end: UInt64, compressor: BlockCompressor
    ) throws(ZstdError) {
        let headerByteCount = WireRecord.headerByteCount + BlockHeader.byteCount
        var bytes = [UInt8](repeating: 0, count: headerByteCount)
        bytes.reserveCapacity(headerByteCount + content.count)
        let isCompressed = try compressor.compress(content.span, appendingTo: &bytes)
        if !isCompressed { bytes.append(contentsOf: content) }
        digest = SHA256Digest.digest(content.span)
        let header = BlockHeader(
            coding: isCompressed ? .zstd : .plain, contentByteCount: content.count, digest: digest)
        var front = [WireTag.block.rawValue]
        front.append(littleEndian: UInt64(bytes.count - WireRecord.headerByteCount))
        front.append(contentsOf: header.encoded)
        bytes.replaceSubrange(0..<headerByteCount, with: front)
        wireBytes = bytes
        contentByteCount = content.count
        self.recordCount = recordCount
        self.dataRecordCount = dataRecordCount
        self.end = end
    }
}

/// A block that was taken in: its content, checked against its digest, and the records in it.
struct OpenedBlock: Sendable {
    /// The content; records' data are ranges of it.
    let content: DataBuffer
    /// SHA-256 of the content.
    let digest: [UInt8]

    /// Inflates and checks a block's payload.
    init(payload: [UInt8], number: UInt64, decompressor: BlockDecompressor) throws {
        let header = try BlockHeader(payload: payload)
        switch header.coding {
        case .plain:
            content = DataBuffer(payload[BlockHeader.byteCount...])
        case .zstd:
            content = try decompressor.decompress(
                payload.span.extracting(BlockHeader.byteCount..<payload.count),
                contentByteCount: header.contentByteCount)
        }
        digest = content.withSpan { SHA256Digest.digest($0) }
        guard digest == header.digest else { throw EngineError.damagedBlock(number: number) }
    }
}
