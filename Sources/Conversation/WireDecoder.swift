import FerryCore

/// Bytes from the connection to records, in whatever slices they arrive.
///
/// The first bytes each way are the banner of *rbd diff v2*; then come records only. Lengths are checked against
/// the tag's limit before memory is taken. A payload is put together where it stays; so a copy of the decoder must not be
/// used beside the original.
public struct WireDecoder: Sendable {
    /// What both sides send first, so that either end, and whoever captures the stream, sees what it is.
    public static let banner = Array("rbd diff v2\n".utf8)

    /// Records decoded so far.
    public private(set) var recordNumber = 0
    /// Bytes taken so far.
    public private(set) var byteOffset: UInt64 = 0

    private enum State {
        case banner(matched: Int)
        case header([UInt8])
        case payload(WireTag, DataBuffer, filledByteCount: Int)
    }
    private var state = State.banner(matched: 0)

    /// A decoder at the start of a connection.
    public init() {}

    /// The next whole record, taking bytes from `input` at `position` on; nil when it needs more input.
    public mutating func next(
        _ input: borrowing Span<UInt8>, at position: inout Int
    ) throws(ProtocolViolation) -> WireRecord? {
        while true {
            switch state {
            case .banner(let matched):
                guard try takeBanner(input, &position, matched) else { return nil }
            case .header(let bytes):
                guard try takeHeader(input, &position, bytes) else { return nil }
            case .payload(let tag, let payload, let filledByteCount):
                guard takePayload(input, &position, tag, payload, filledByteCount) else { return nil }
                return finishRecord(tag, payload)
            }
        }
    }

    private mutating func takeBanner(
        _ input: borrowing Span<UInt8>, _ position: inout Int, _ start: Int
    ) throws(ProtocolViolation) -> Bool {
        var matched = start
        while matched < Self.banner.count {
            guard position < input.count else {
                state = .banner(matched: matched)
                return false
            }
            guard input[position] == Self.banner[matched] else { throw violation(.banner) }
            matched += 1
            advance(&position, by: 1)
        }
        state = .header([])
        return true
    }

    private mutating func takeHeader(
        _ input: borrowing Span<UInt8>, _ position: inout Int, _ start: [UInt8]
    ) throws(ProtocolViolation) -> Bool {
        var header = start
        while header.count < WireRecord.headerByteCount {
            guard position < input.count else {
                state = .header(header)
                return false
            }
            header.append(input[position])
            advance(&position, by: 1)
        }
        let length = header.span.littleEndian(UInt64.self, at: 1) ?? 0
        guard let tag = WireTag(rawValue: header[0]) else { throw violation(.unknownTag(header[0])) }
        guard length <= UInt64(tag.payloadByteCountMax) else {
            throw violation(.tooLong(tag, byteCount: length, limit: tag.payloadByteCountMax))
        }
        state = .payload(tag, DataBuffer(byteCount: Int(length)), filledByteCount: 0)
        return true
    }

    private mutating func takePayload(
        _ input: borrowing Span<UInt8>, _ position: inout Int, _ tag: WireTag, _ payload: DataBuffer, _ start: Int
    ) -> Bool {
        let count = min(payload.byteCount - start, input.count - position)
        payload.write(input.extracting(position..<position + count), at: start)
        advance(&position, by: count)
        state = .payload(tag, payload, filledByteCount: start + count)
        return start + count == payload.byteCount
    }

    private mutating func finishRecord(_ tag: WireTag, _ payload: DataBuffer) -> WireRecord {
        state = .header([])
        recordNumber += 1
        return WireRecord(tag: tag, payload: BufferSlice(payload))
    }

    private mutating func advance(_ position: inout Int, by count: Int) {
        position += count
        byteOffset += UInt64(count)
    }

    private func violation(_ kind: ProtocolViolation.Kind) -> ProtocolViolation {
        ProtocolViolation(kind, recordNumber: recordNumber, byteOffset: byteOffset)
    }
}

extension WireTag {
    /// The most bytes that may follow this tag's length field.
    public var payloadByteCountMax: Int {
        switch self {
        case .block: Limits.blockPayloadByteCountMax
        case .keepAlive: 0
        case .digests: Digests.payloadByteCountMax
        case .hello, .offer, .answer, .progress, .totals, .committed, .fault, .digestQuery, .proofResult,
            .settled:
            Limits.controlByteCountMax
        }
    }
}
