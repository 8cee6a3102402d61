import Conversation
import FerryCore
import Testing

/// Decodes `bytes` in slices of the given lengths, repeated as needed.
private func decode(_ bytes: [UInt8], slices: [Int]) throws -> [WireRecord] {
    var decoder = WireDecoder()
    var records: [WireRecord] = []
    var start = 0
    var index = 0
    while start < bytes.count {
        let slice = Array(bytes[start..<min(bytes.count, start + slices[index % slices.count])])
        var position = 0
        while let record = try decoder.next(slice.span, at: &position) { records.append(record) }
        start += slice.count
        index += 1
    }
    return records
}

private let stream: [WireRecord] = [
    ControlRecord.hello(Hello(agentVersion: "1", site: "a")).wireRecord,
    ControlRecord.keepAlive.wireRecord,
    WireRecord(tag: .block, payload: (0..<300).map { UInt8(truncatingIfNeeded: $0) }),
    ControlRecord.progress(Progress(watermark: 1, contentByteCount: 2)).wireRecord,
]

@Suite("Records on the wire")
struct WireDecoderTests {
    private let bytes = WireDecoder.banner + stream.flatMap(\.encoded)

    @Test("slices of any length give the same records")
    func slices() throws {
        for length in 1...bytes.count { #expect(try decode(bytes, slices: [length]) == stream) }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let lengths = (0..<5).map { _ in Int.random(in: 1...40, using: &generator) }
            #expect(try decode(bytes, slices: lengths) == stream, "slices \(lengths)")
        }
    }

    @Test("a connection that begins otherwise is refused at the first wrong byte")
    func banner() {
        #expect(throws: ProtocolViolation(.banner, recordNumber: 0, byteOffset: 10)) {
            try decode(Array("rbd diff v1\n".utf8), slices: [100])
        }
        #expect(throws: ProtocolViolation(.banner, recordNumber: 0, byteOffset: 0)) {
            try decode(Array("GET / HTTP/1.1\r\n".utf8), slices: [100])
        }
    }

    @Test("a length past the tag's limit is refused before memory is taken", arguments: WireTag.allCases)
    func lengths(tag: WireTag) {
        let limit = tag.payloadByteCountMax
        let half: UInt64 = 1 << 63
        let lengths: [UInt64] = [UInt64(limit) + 1, 1 << 32, 1 << 62, half - 1, half, half + 1, .max]
        for length in lengths {
            var bytes = WireDecoder.banner + [tag.rawValue]
            bytes.append(littleEndian: length)
            let violation = ProtocolViolation(
                .tooLong(tag, byteCount: length, limit: limit), recordNumber: 0, byteOffset: 21)
            #expect(throws: violation) { try decode(bytes, slices: [100]) }
            #expect(throws: violation) { try decode(bytes, slices: [1]) }
        }
    }

    @Test("a standard record outside a block is refused")
    func standardRecord() {
        var bytes = WireDecoder.banner + [UInt8(ascii: "w")]
        bytes.append(littleEndian: UInt64(16))
        #expect(throws: ProtocolViolation(.unknownTag(0x77), recordNumber: 0, byteOffset: 21)) {
            try decode(bytes, slices: [100])
        }
    }

    @Test("control records survive the wire, and unknown keys are passed over")
    func roundTrip() throws {
        let fault = PeerFault(disposition: .locked, cause: "busy", remedy: "wait")
        let records: [ControlRecord] = [
            .hello(Hello(agentVersion: "1", site: "a")), .answer(.send(base: nil, watermark: 7)), .answer(.published),
            .answer(.refused(fault)), .progress(Progress(watermark: .max, contentByteCount: 1)),
            .totals(Totals(blockCount: 1, recordCount: 2, contentByteCount: 3, digest: "d")),
            .committed(Committed(target: SnapshotIdentity(id: 5, name: "ö"), digest: "d")), .fault(fault), .keepAlive,
        ]
        for record in records { #expect(try ControlRecord(record.wireRecord) == record) }
        let later = WireRecord(tag: .progress, payload: Array(#"{"watermark":1,"content_bytes":2,"new":[]}"#.utf8))
        #expect(try ControlRecord(later) == .progress(Progress(watermark: 1, contentByteCount: 2)))
    }

    @Test("what older receivers do not tell may be absent, and what newer ones tell survives the wire")
    func optional() throws {
        let snapshot = SnapshotIdentity(id: 5, name: "a")
        var stages = StageTimes()
        for (number, stage) in TransferStage.allCases.filter(\.isReceivers).enumerated() {
            stages.add(microseconds: UInt64(number), to: stage)
        }
        let records: [ControlRecord] = [
            .committed(Committed(target: snapshot, digest: "d", stages: stages)),
            .committed(Committed(target: snapshot, digest: "d", stages: StageTimes())),
            .progress(Progress(watermark: 1, contentByteCount: 2, starvedShare: 0.125)),
        ]
        for record in records { #expect(try ControlRecord(record.wireRecord) == record) }
        let silent: [ControlRecord] = [
            .committed(Committed(target: snapshot, digest: "d")),
            .progress(Progress(watermark: 1, contentByteCount: 2)),
        ]
        for record in silent {
            let text = String(decoding: record.wireRecord.payload.bytes, as: UTF8.self)
            #expect(!text.contains("stages") && !text.contains("starved"))
        }
    }

    private func committed(_ stages: String) throws -> Committed? {
        let text = #"{"target":{"id":5,"name":"a"},"digest":"d","stages":\#(stages)}"#
        let record = try ControlRecord(WireRecord(tag: .committed, payload: Array(text.utf8)))
        guard case .committed(let committed)? = record else { return nil }
        return committed
    }

    @Test("of the stages in a commit only a receiver's that are known are taken over")
    func foreignStages() throws {
        var expected = StageTimes()
        expected.add(microseconds: 7, to: .apply)
        #expect(try committed(#"{"apply":7,"read":8,"later":9}"#)?.stages == expected)
        #expect(try committed("null")?.stages == nil)
    }

    @Test(
        "stages that can't be are a violation",
        arguments: [
            "1", "[]", #"{"apply":-1}"#, #"{"apply":1.5}"#, #"{"apply":"1"}"#, #"{"apply":316224000000001}"#,
            #"{"later":18446744073709551615}"#, #"{"apply":1e400}"#,
            "{\((0..<65).map { "\"s\($0)\":1" }.joined(separator: ","))}",
        ])
    func hostileStages(stages: String) {
        #expect(throws: ProtocolViolation.self) { try committed(stages) }
    }

    @Test("a violation does not repeat a peer's keys with control characters, nor at any length")
    func violationText() {
        for key in [#"\u001b[2J\n"#, String(repeating: "k", count: 200_000)] {
            let violation = #expect(throws: ProtocolViolation.self) { try committed(#"{"\#(key)":"x"}"#) }
            let cause = violation?.cause ?? "\u{1b}"
            #expect(cause == String(cause.filter { $0 != "\u{1b}" && $0 != "\n" }))
            #expect(cause.count < 2 * Limits.printableScalarCountMax)
        }
    }

    @Test(
        "JSON that does not say what it must is a violation",
        arguments: ["", "{", "[]", "{}", #"{"watermark":-1,"content_bytes":0}"#, #"{"watermark":"1"}"#])
    func malformed(text: String) {
        #expect(throws: ProtocolViolation.self) {
            try ControlRecord(WireRecord(tag: .progress, payload: Array(text.utf8)))
        }
    }

    @Test("a peer's text can't reach the terminal with control characters, nor at any length")
    func faultText() throws {
        let nasty = PeerFault(
            disposition: .refused, cause: "a\u{1B}[2Jb\nc", remedy: String(repeating: "x", count: 5000))
        guard case .fault(let read)? = try ControlRecord(ControlRecord.fault(nasty).wireRecord) else {
            Issue.record("no fault")
            return
        }
        #expect(read.cause == "a?[2Jb?c")
        #expect(read.remedy.count == Limits.printableScalarCountMax)
        // One character of ever so many marks, and what some take for the end of a line.
        let marks = "e" + String(repeating: "\u{301}", count: 100_000)
        #expect(marks.count == 1 && marks.printable.utf8.count < 4 * Limits.printableScalarCountMax)
        #expect("a\u{2028}b\u{2029}c\r\n".printable == "a?b?c??")
    }

    @Test("a block header is checked against the limits")
    func blockHeader() throws {
        let digest = [UInt8](repeating: 7, count: 16)
        let header = BlockHeader(coding: .plain, contentByteCount: 3, digest: digest)
        #expect(try BlockHeader(payload: (header.encoded + [1, 2, 3]).span) == header)
        #expect(throws: ProtocolViolation.self) { try BlockHeader(payload: (header.encoded + [1, 2]).span) }
        #expect(throws: ProtocolViolation.self) { try BlockHeader(payload: header.encoded.span) }
        #expect(throws: ProtocolViolation.self) { try BlockHeader(payload: [UInt8]().span) }
        var unknown = header.encoded + [1, 2, 3]
        unknown[0] = 9
        #expect(throws: ProtocolViolation.self) { try BlockHeader(payload: unknown.span) }
        for length in [0, Limits.blockContentByteCountMax + 1, 1 << 31, Int(UInt32.max)] {
            let bomb = BlockHeader(coding: .zstd, contentByteCount: length, digest: digest)
            let violation = ProtocolViolation(
                .contradiction(
                    "block content", expected: "1 to \(Limits.blockContentByteCountMax) bytes", found: "\(length)"))
            #expect(throws: violation) { try BlockHeader(payload: (bomb.encoded + [1]).span) }
        }
    }
}
