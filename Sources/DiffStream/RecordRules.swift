import FerryCore

/// What records of every layout have in common: names, sizes and extents, checked against the limits.
struct RecordRules {
    let limits: DiffLimits
    let record: RecordPosition

    /// An error about this record.
    func error(_ code: DiffError.Code, _ tag: UInt8?, expected: UInt64? = nil, found: UInt64? = nil) -> DiffError {
        DiffError(code, at: record, tag: tag, expected: expected, found: found)
    }

    /// The bytes of a name; an error unless they are text.
    func text(_ bytes: Span<UInt8>, in range: Range<Int>, tag: UInt8) throws(DiffError) -> String {
        let name = bytes.extracting(range)
        for index in name.indices where name[index] == 0 { throw error(.nameNotText, tag) }
        guard let text = try? UTF8Span(validating: name) else { throw error(.nameNotText, tag) }
        return String(copying: text)
    }

    /// An error when a name of this length is too long to wait for.
    func checkNameLength(_ byteCount: UInt64, tag: UInt8) throws(DiffError) {
        guard byteCount <= UInt64(limits.nameByteCountMax) else {
            throw error(.nameTooLong, tag, expected: UInt64(limits.nameByteCountMax), found: byteCount)
        }
    }

    /// A name record whose name has `nameByteCount` bytes, at most the limit, from `nameStart` on.
    func snapshot(
        _ bytes: Span<UInt8>, from start: Int, nameStart: Int, nameByteCount: UInt32
    ) throws(DiffError) -> RecordHead<DiffEvent> {
        let tag = bytes[start]
        guard nameByteCount > 0 else { throw error(.nameEmpty, tag) }
        let end = nameStart + Int(nameByteCount)
        guard bytes.count >= end else { return .needs(byteCount: end - start) }
        let name = try text(bytes, in: nameStart..<end, tag: tag)
        let event = tag == DiffTag.fromSnapshot ? DiffEvent.fromSnapshot(name) : .toSnapshot(name)
        return .complete(event, byteCount: end - start)
    }

    /// The image's size, if it is not too large.
    func imageByteCount(_ byteCount: UInt64) throws(DiffError) -> DiffEvent {
        guard byteCount <= limits.imageByteCountMax else {
            throw error(
                .imageTooLarge, DiffTag.imageByteCount, expected: limits.imageByteCountMax, found: byteCount)
        }
        return .imageByteCount(byteCount)
    }

    /// A write or a stretch of zeros, as its tag says.
    func extent(tag: UInt8, offset: UInt64, byteCount: UInt64) throws(DiffError) -> DiffEvent {
        let isWrite = tag == DiffTag.write
        guard !isWrite || byteCount <= limits.writeByteCountMax else {
            throw error(.writeTooLong, tag, expected: limits.writeByteCountMax, found: byteCount)
        }
        guard let extent = Extent(untrustedOffset: offset, byteCount: byteCount) else {
            throw error(.extentOverflows, tag, expected: UInt64.max - offset, found: byteCount)
        }
        return isWrite ? .write(extent) : .zero(extent)
    }

    /// An unknown record, if it is short enough to pass over.
    func skipped(tag: UInt8, byteCount: UInt64) throws(DiffError) -> DiffEvent {
        guard byteCount <= limits.skippedByteCountMax else {
            throw error(.skippedTooLong, tag, expected: limits.skippedByteCountMax, found: byteCount)
        }
        return .skipped(tag: tag, byteCount: byteCount)
    }
}
