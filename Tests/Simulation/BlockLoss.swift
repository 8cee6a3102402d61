import Compression
import Conversation
import FerryCore
import NIOCore
import OpenSSL

/// Loses a block of a sender's stream, and may rewrite the totals to hide it. What TLS makes impossible, for the totals
/// to notice.
struct BlockLoss {
    private let lostNumber: Int
    private let rewritesTotals: Bool
    private var decoder = WireDecoder()
    private var hasBanner = false
    private var dataBlockNumber = 0
    private var passed = RunningTotals()
    private let decompressor = BlockDecompressor()

    init?(_ tampering: LinkPlan.Tampering) {
        switch tampering {
        case .none: return nil
        case .losesBlock(let number): (lostNumber, rewritesTotals) = (number, false)
        case .losesBlockAndTotals(let number): (lostNumber, rewritesTotals) = (number, true)
        }
    }

    /// What goes on of the next bytes: whole records.
    mutating func pass(_ buffer: ByteBuffer) -> ByteBuffer {
        var output = ByteBuffer()
        let bytes = Array(buffer.readableBytesView)
        var position = 0
        if !hasBanner { output.writeBytes(WireDecoder.banner) }
        hasBanner = true
        while let record = (try? decoder.next(bytes.span, at: &position)) ?? nil {
            if let record = passed(record) { output.writeBytes(record.encoded) }
        }
        return output
    }

    private mutating func passed(_ record: WireRecord) -> WireRecord? {
        if record.tag == .block { return isLost(record) ? nil : record }
        guard record.tag == .totals else { return record }
        defer { passed = RunningTotals() }
        return rewritesTotals ? ControlRecord.totals(passed.totals).wireRecord : record
    }

    private mutating func isLost(_ record: WireRecord) -> Bool {
        guard let header = try? record.payload.withSpan({ try BlockHeader(payload: $0) }),
            let content = try? content(of: record, header)
        else { return false }
        let tags = Self.tags(content)
        if tags.contains(where: { "wz".utf8.contains($0) }) {
            dataBlockNumber += 1
            if dataBlockNumber == lostNumber + 1 { return true }
        }
        passed.add(
            recordCount: UInt64(tags.count), contentByteCount: content.count, blockDigest: header.digest,
            hash: { SHA256Digest.digest($0.span) })
        return false
    }

    private func content(of record: WireRecord, _ header: BlockHeader) throws -> [UInt8] {
        let coded = record.payload.dropFirst(BlockHeader.byteCount)
        guard header.coding == .zstd else { return coded.bytes }
        let inflated = try coded.withSpan { span in
            try decompressor.decompress(span, contentByteCount: header.contentByteCount)
        }
        return inflated.bytes(in: 0..<inflated.byteCount)
    }

    /// The tags of the standard records in a block.
    private static func tags(_ content: [UInt8]) -> [UInt8] {
        var tags: [UInt8] = []
        var position = 0
        while position < content.count {
            tags.append(content[position])
            if content[position] == UInt8(ascii: "e") { break }
            position += 9 + Int(content.span.littleEndian(UInt64.self, at: position + 1) ?? 0)
        }
        return tags
    }
}
