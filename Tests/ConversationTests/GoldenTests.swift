import Conversation
import FerryCore
import Foundation
import OpenSSL
import Testing

@Suite("The golden file with one record of each tag")
struct GoldenTests {
    private func records() throws -> [WireRecord] {
        let url = try #require(
            Bundle.module.url(forResource: "every-record", withExtension: "wire", subdirectory: "Golden"))
        let bytes = Array(try Data(contentsOf: url))
        var decoder = WireDecoder()
        var position = 0
        var records: [WireRecord] = []
        while let record = try decoder.next(bytes.span, at: &position) { records.append(record) }
        #expect(position == bytes.count)
        #expect(WireDecoder.banner + records.flatMap(\.encoded) == bytes)
        return records
    }

    @Test("it holds every tag, once")
    func everyTag() throws {
        #expect(Set(try records().map(\.tag)) == Set(WireTag.allCases))
        #expect(try records().count == WireTag.allCases.count)
    }

    @Test("control records are read and written byte for byte")
    func controlRecords() throws {
        for record in try records() where record.tag != .block {
            #expect(try ControlRecord(record)?.wireRecord == record)
        }
    }

    @Test("the block's header is read and written byte for byte, and its digests are as documented")
    func block() throws {
        let payload = try #require(try records().first { $0.tag == .block }).payload.bytes
        let header = try BlockHeader(payload: payload.span)
        let content = Array(payload[BlockHeader.byteCount...])
        #expect(header.encoded == Array(payload.prefix(BlockHeader.byteCount)))
        #expect(header.digest == BlockDigest.digest(content.span))
        var running = RunningTotals()
        running.add(
            recordCount: 7, contentByteCount: content.count, blockDigest: header.digest,
            hash: { SHA256Digest.digest($0.span) })
        for record in try records() {
            guard case .totals(let totals)? = try ControlRecord(record) else { continue }
            try running.check(totals)
        }
    }

    @Test("totals that differ in any part are refused")
    func totals() {
        let running = RunningTotals()
        let right = running.totals
        let wrong: [(inout Totals) -> Void] = [
            { $0.blockCount += 1 }, { $0.recordCount += 1 }, { $0.contentByteCount += 1 }, { $0.digest += "0" },
        ]
        #expect(throws: Never.self) { try running.check(right) }
        for change in wrong {
            var totals = right
            change(&totals)
            #expect(throws: ProtocolViolation.self) { try running.check(totals) }
        }
    }
}
