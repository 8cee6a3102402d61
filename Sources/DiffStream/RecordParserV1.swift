import FerryCore

/// Reads the head of one v1 record: tag, and the fields in front of a write's data.
///
/// v1 records have no length, so an unknown one can't be passed over: nobody knows where the next one starts.
struct RecordParserV1 {
    let rules: RecordRules

    /// The event that the record at `start` begins with. A write's data follows.
    func head(_ bytes: Span<UInt8>, from start: Int) throws(DiffError) -> RecordHead<DiffEvent> {
        let tag = bytes[start]
        switch tag {
        case DiffTag.end: return .complete(.end, byteCount: 1)
        case DiffTag.write, DiffTag.zero:
            guard let offset = bytes.littleEndian(UInt64.self, at: start + 1),
                let byteCount = bytes.littleEndian(UInt64.self, at: start + 9)
            else { return .needs(byteCount: 17) }
            return .complete(try rules.extent(tag: tag, offset: offset, byteCount: byteCount), byteCount: 17)
        case DiffTag.imageByteCount:
            guard let byteCount = bytes.littleEndian(UInt64.self, at: start + 1) else { return .needs(byteCount: 9) }
            return .complete(try rules.imageByteCount(byteCount), byteCount: 9)
        case DiffTag.fromSnapshot, DiffTag.toSnapshot:
            guard let nameByteCount = bytes.littleEndian(UInt32.self, at: start + 1) else {
                return .needs(byteCount: 5)
            }
            try rules.checkNameLength(UInt64(nameByteCount), tag: tag)
            return try rules.snapshot(bytes, from: start, nameStart: start + 5, nameByteCount: nameByteCount)
        default: throw rules.error(.unknownTag, tag)
        }
    }
}
