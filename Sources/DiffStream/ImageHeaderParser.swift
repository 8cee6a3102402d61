import FerryCore

/// One record of an image header.
enum ImageHeaderItem {
    case number(tag: UInt8, UInt64)
    case metadata(ImageHeader.Metadata)
    case skipped(byteCount: UInt64)
    case end
}

/// Reads one record of an image header.
struct ImageHeaderParser {
    let rules: RecordRules

    /// The record at `start`. An unknown record's payload follows.
    func head(_ bytes: Span<UInt8>, from start: Int) throws(DiffError) -> RecordHead<ImageHeaderItem> {
        let tag = bytes[start]
        if tag == ImageEnvelopeTag.end { return .complete(.end, byteCount: 1) }
        guard let byteCount = bytes.littleEndian(UInt64.self, at: start + 1) else { return .needs(byteCount: 9) }
        switch tag {
        case ImageEnvelopeTag.order, ImageEnvelopeTag.features, ImageEnvelopeTag.stripeUnit,
            ImageEnvelopeTag.stripeCount:
            guard byteCount == 8 else { throw rules.error(.badRecordLength, tag, expected: 8, found: byteCount) }
            guard let number = bytes.littleEndian(UInt64.self, at: start + 9) else { return .needs(byteCount: 17) }
            return .complete(.number(tag: tag, number), byteCount: 17)
        case ImageEnvelopeTag.metadata:
            return try metadata(bytes, from: start, recordByteCount: byteCount)
        default:
            _ = try rules.skipped(tag: tag, byteCount: byteCount)
            return .complete(.skipped(byteCount: byteCount), byteCount: 9)
        }
    }

    private func metadata(
        _ bytes: Span<UInt8>, from start: Int, recordByteCount: UInt64
    ) throws(DiffError) -> RecordHead<ImageHeaderItem> {
        let tag = ImageEnvelopeTag.metadata
        let byteCountMax = UInt64(ImageHeaderBuilder.metadataByteCountMax)
        guard recordByteCount >= 8 else {
            throw rules.error(.badRecordLength, tag, expected: 8, found: recordByteCount)
        }
        guard recordByteCount <= byteCountMax else {
            throw rules.error(.metadataTooLong, tag, expected: byteCountMax, found: recordByteCount)
        }
        let headByteCount = 9 + Int(recordByteCount)
        guard bytes.count - start >= headByteCount else { return .needs(byteCount: headByteCount) }
        let end = start + headByteCount
        let key = try string(bytes, from: start + 9, leaving: 4, before: end)
        let value = try string(bytes, from: key.upperBound, leaving: 0, before: end)
        guard value.upperBound == end else {
            throw rules.error(
                .contradictingLength, tag, expected: UInt64(end - key.upperBound - 4), found: UInt64(value.count))
        }
        let entry = ImageHeader.Metadata(
            key: try rules.text(bytes, in: key, tag: tag), value: try rules.text(bytes, in: value, tag: tag))
        return .complete(.metadata(entry), byteCount: headByteCount)
    }

    /// Where the bytes of the string at `start` lie, if at least `leaving` bytes remain behind it.
    private func string(
        _ bytes: Span<UInt8>, from start: Int, leaving: Int, before end: Int
    ) throws(DiffError) -> Range<Int> {
        let room = end - start - 4 - leaving
        let byteCount = bytes.littleEndian(UInt32.self, at: start) ?? 0
        guard room >= 0, byteCount <= UInt32(clamping: room) else {
            throw rules.error(
                .contradictingLength, ImageEnvelopeTag.metadata, expected: UInt64(max(room, 0)),
                found: UInt64(byteCount))
        }
        return start + 4..<start + 4 + Int(byteCount)
    }
}

/// Gathers an image header from its rules.
struct ImageHeaderBuilder: Sendable {
    /// Most bytes of metadata that an image may have here.
    static let metadataByteCountMax = Limits.imageMetadataByteCountMax

    private var numbers: [UInt8: UInt64] = [:]
    private var metadata: [ImageHeader.Metadata] = []
    private var metadataByteCount = 0

    /// Notes a number; each comes once.
    mutating func set(_ tag: UInt8, _ number: UInt64, at record: RecordPosition) throws(DiffError) {
        guard numbers.updateValue(number, forKey: tag) == nil else {
            throw DiffError(.repeated, at: record, tag: tag)
        }
    }

    /// Notes an entry of metadata.
    mutating func add(_ entry: ImageHeader.Metadata, at record: RecordPosition) throws(DiffError) {
        metadataByteCount += 8 + entry.key.utf8.count + entry.value.utf8.count
        guard metadataByteCount <= Self.metadataByteCountMax else {
            throw DiffError(
                .metadataTooLong, at: record, tag: ImageEnvelopeTag.metadata,
                expected: UInt64(Self.metadataByteCountMax), found: UInt64(metadataByteCount))
        }
        metadata.append(entry)
    }

    /// The header, when all of it came.
    func build(at record: RecordPosition) throws(DiffError) -> ImageHeader {
        func number(_ tag: UInt8) throws(DiffError) -> UInt64 {
            guard let number = numbers[tag] else { throw DiffError(.missing, at: record, tag: tag) }
            return number
        }
        return ImageHeader(
            order: try number(ImageEnvelopeTag.order), features: try number(ImageEnvelopeTag.features),
            stripeUnit: try number(ImageEnvelopeTag.stripeUnit),
            stripeCount: try number(ImageEnvelopeTag.stripeCount), metadata: metadata)
    }
}
