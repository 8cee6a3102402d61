import FerryCore

/// Reads the head of one v2 record: tag, length, and the fields in front of a write's data.
struct RecordParserV2 {
    let rules: RecordRules

    /// The event that the record at `start` begins with. A write's data and an unknown record's payload follow.
    func head(_ bytes: Span<UInt8>, from start: Int) throws(DiffError) -> RecordHead<DiffEvent> {
        let tag = bytes[start]
        if tag == DiffTag.end { return .complete(.end, byteCount: 1) }
        guard let byteCount = bytes.littleEndian(UInt64.self, at: start + 1) else { return .needs(byteCount: 9) }
        switch tag {
        case DiffTag.write, DiffTag.zero:
            return try extent(bytes, from: start, tag: tag, recordByteCount: byteCount)
        case DiffTag.imageByteCount:
            return try imageByteCount(bytes, from: start, recordByteCount: byteCount)
        case DiffTag.fromSnapshot, DiffTag.toSnapshot:
            return try snapshot(bytes, from: start, tag: tag, recordByteCount: byteCount)
        case DiffTag.protection:
            return try protection(bytes, from: start, recordByteCount: byteCount)
        default:
            return .complete(try rules.skipped(tag: tag, byteCount: byteCount), byteCount: 9)
        }
    }

    private func extent(
        _ bytes: Span<UInt8>, from start: Int, tag: UInt8, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        let isWrite = tag == DiffTag.write
        guard recordByteCount == 16 || (isWrite && recordByteCount > 16) else {
            throw rules.error(.badRecordLength, tag, expected: 16, found: recordByteCount)
        }
        guard let offset = bytes.littleEndian(UInt64.self, at: start + 9),
            let byteCount = bytes.littleEndian(UInt64.self, at: start + 17)
        else { return .needs(byteCount: 25) }
        guard !isWrite || byteCount == recordByteCount - 16 else {
            throw rules.error(.contradictingLength, tag, expected: recordByteCount - 16, found: byteCount)
        }
        return .complete(try rules.extent(tag: tag, offset: offset, byteCount: byteCount), byteCount: 25)
    }

    private func imageByteCount(
        _ bytes: Span<UInt8>, from start: Int, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        guard recordByteCount == 8 else {
            throw rules.error(.badRecordLength, DiffTag.imageByteCount, expected: 8, found: recordByteCount)
        }
        guard let byteCount = bytes.littleEndian(UInt64.self, at: start + 9) else { return .needs(byteCount: 17) }
        return .complete(try rules.imageByteCount(byteCount), byteCount: 17)
    }

    private func snapshot(
        _ bytes: Span<UInt8>, from start: Int, tag: UInt8, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        guard recordByteCount >= 4 else {
            throw rules.error(.badRecordLength, tag, expected: 4, found: recordByteCount)
        }
        try rules.checkNameLength(recordByteCount - 4, tag: tag)
        guard let nameByteCount = bytes.littleEndian(UInt32.self, at: start + 9) else { return .needs(byteCount: 13) }
        guard UInt64(nameByteCount) == recordByteCount - 4 else {
            throw rules.error(.contradictingLength, tag, expected: recordByteCount - 4, found: UInt64(nameByteCount))
        }
        return try rules.snapshot(bytes, from: start, nameStart: start + 13, nameByteCount: nameByteCount)
    }

    /// The payload is one byte whatever the length says: Ceph before Quincy states 8 and writes 1.
    private func protection(
        _ bytes: Span<UInt8>, from start: Int, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        let tag = DiffTag.protection
        guard recordByteCount == 1 || recordByteCount == 8 else {
            throw rules.error(.badRecordLength, tag, expected: 1, found: recordByteCount)
        }
        guard bytes.count - start >= 10 else { return .needs(byteCount: 10) }
        let byte = bytes[start + 9]
        guard byte <= 1 else { throw rules.error(.badProtection, tag, expected: 1, found: UInt64(byte)) }
        return .complete(.protection(byte == 1), byteCount: 10)
    }
}
