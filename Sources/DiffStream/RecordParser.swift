import FerryCore

/// Reads the head of one v2 record: tag, length, and the fields in front of a write's data.
struct RecordParser {
    let limits: DiffLimits
    let record: RecordPosition

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
            return .complete(try skipped(tag: tag, byteCount: byteCount), byteCount: 9)
        }
    }

    /// An unknown record, if it is short enough to pass over.
    func skipped(tag: UInt8, byteCount: UInt64) throws(DiffError) -> DiffEvent {
        guard byteCount <= limits.skippedByteCountMax else {
            throw error(.skippedTooLong, tag, expected: limits.skippedByteCountMax, found: byteCount)
        }
        return .skipped(tag: tag, byteCount: byteCount)
    }

    /// The bytes of a name; an error unless they are text.
    func text(_ bytes: Span<UInt8>, in range: Range<Int>, tag: UInt8) throws(DiffError) -> String {
        let name = bytes.extracting(range)
        for index in name.indices where name[index] == 0 { throw error(.nameNotText, tag) }
        guard let text = try? UTF8Span(validating: name) else { throw error(.nameNotText, tag) }
        return String(copying: text)
    }

    /// An error about this record.
    func error(_ code: DiffError.Code, _ tag: UInt8?, expected: UInt64? = nil, found: UInt64? = nil) -> DiffError {
        DiffError(code, at: record, tag: tag, expected: expected, found: found)
    }

    private func extent(
        _ bytes: Span<UInt8>, from start: Int, tag: UInt8, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        let isWrite = tag == DiffTag.write
        guard recordByteCount == 16 || (isWrite && recordByteCount > 16) else {
            throw error(.badRecordLength, tag, expected: 16, found: recordByteCount)
        }
        guard let offset = bytes.littleEndian(UInt64.self, at: start + 9),
            let byteCount = bytes.littleEndian(UInt64.self, at: start + 17)
        else { return .needs(byteCount: 25) }
        if isWrite { try checkWrite(byteCount, recordByteCount: recordByteCount) }
        guard let extent = Extent(untrustedOffset: offset, byteCount: byteCount) else {
            throw error(.extentOverflows, tag, expected: UInt64.max - offset, found: byteCount)
        }
        return .complete(isWrite ? .write(extent) : .zero(extent), byteCount: 25)
    }

    private func checkWrite(_ byteCount: UInt64, recordByteCount: UInt64) throws(DiffError) {
        guard byteCount == recordByteCount - 16 else {
            throw error(.contradictingLength, DiffTag.write, expected: recordByteCount - 16, found: byteCount)
        }
        guard byteCount <= limits.writeByteCountMax else {
            throw error(.writeTooLong, DiffTag.write, expected: limits.writeByteCountMax, found: byteCount)
        }
    }

    private func imageByteCount(
        _ bytes: Span<UInt8>, from start: Int, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        guard recordByteCount == 8 else {
            throw error(.badRecordLength, DiffTag.imageByteCount, expected: 8, found: recordByteCount)
        }
        guard let byteCount = bytes.littleEndian(UInt64.self, at: start + 9) else { return .needs(byteCount: 17) }
        guard byteCount <= limits.imageByteCountMax else {
            throw error(
                .imageTooLarge, DiffTag.imageByteCount, expected: limits.imageByteCountMax, found: byteCount)
        }
        return .complete(.imageByteCount(byteCount), byteCount: 17)
    }

    private func snapshot(
        _ bytes: Span<UInt8>, from start: Int, tag: UInt8, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        guard recordByteCount >= 4 else {
            throw error(.badRecordLength, tag, expected: 4, found: recordByteCount)
        }
        guard recordByteCount - 4 <= UInt64(limits.nameByteCountMax) else {
            throw error(.nameTooLong, tag, expected: UInt64(limits.nameByteCountMax), found: recordByteCount - 4)
        }
        guard let nameByteCount = bytes.littleEndian(UInt32.self, at: start + 9) else { return .needs(byteCount: 13) }
        guard UInt64(nameByteCount) == recordByteCount - 4 else {
            throw error(.contradictingLength, tag, expected: recordByteCount - 4, found: UInt64(nameByteCount))
        }
        guard nameByteCount > 0 else { throw error(.nameEmpty, tag) }
        let headByteCount = 13 + Int(nameByteCount)
        guard bytes.count - start >= headByteCount else { return .needs(byteCount: headByteCount) }
        let name = try text(bytes, in: start + 13..<start + headByteCount, tag: tag)
        let event = tag == DiffTag.fromSnapshot ? DiffEvent.fromSnapshot(name) : .toSnapshot(name)
        return .complete(event, byteCount: headByteCount)
    }

    /// The payload is one byte whatever the length says: Ceph before Quincy states 8 and writes 1.
    private func protection(
        _ bytes: Span<UInt8>, from start: Int, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        guard recordByteCount == 1 || recordByteCount == 8 else {
            throw error(.badRecordLength, DiffTag.protection, expected: 1, found: recordByteCount)
        }
        guard bytes.count - start >= 10 else { return .needs(byteCount: 10) }
        let byte = bytes[start + 9]
        guard byte <= 1 else { throw error(.badProtection, DiffTag.protection, expected: 1, found: UInt64(byte)) }
        return .complete(.protection(byte == 1), byteCount: 10)
    }
}
