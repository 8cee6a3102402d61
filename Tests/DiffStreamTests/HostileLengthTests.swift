import DiffStream
import FerryCore
import Testing

/// Lengths, sizes and offsets around every power of two that a careless reader trips over.
private let hugeNumbers: [UInt64] = [
    1 << 61, (1 << 62) - 1, 1 << 62, (1 << 63) - 17, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, .max - 16, .max - 1, .max,
]

/// Those of 32 bits.
private let hugeSmallNumbers: [UInt32] = [4097, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, .max - 4, .max]

@Suite("Huge numbers in every field")
struct HostileLengthTests {
    @Test("a v2 record's length is refused by what its kind allows", arguments: hugeNumbers)
    func recordLengths(length: UInt64) {
        func expect(
            _ tag: Character, _ code: DiffError.Code, _ expected: UInt64, found: UInt64? = nil,
            payload: [UInt8] = [], limits: DiffLimits = .wire
        ) {
            let error = firstError(in: record(tag, length: length, payload), limits: limits)
            #expect(
                error
                    == DiffError(
                        code, at: place, tag: tag.asciiValue, expected: expected, found: found ?? length))
        }
        for limits in [DiffLimits.wire, .file] {
            expect("s", .badRecordLength, 8, limits: limits)
            expect("p", .badRecordLength, 1, limits: limits)
            expect("z", .badRecordLength, 16, limits: limits)
            for tag: Character in ["f", "t"] { expect(tag, .nameTooLong, 4096, found: length - 4, limits: limits) }
            for tag: Character in ["q", "H", "\0"] { expect(tag, .skippedTooLong, 262_144, limits: limits) }
            expect("w", .contradictingLength, length - 16, found: 7, payload: le64(0) + le64(7), limits: limits)
        }
        let payload = le64(0) + le64(length - 16)
        expect("w", .writeTooLong, 1 << 20, found: length - 16, payload: payload)
        expect("w", .writeTooLong, 1 << 60, found: length - 16, payload: payload, limits: .file)
    }

    @Test("sizes, offsets and lengths inside a record are refused by number, in both formats", arguments: hugeNumbers)
    func numbers(number: UInt64) {
        let size = DiffError(
            .imageTooLarge, at: place, tag: DiffTag.imageByteCount, expected: Limits.imageByteCountMax, found: number)
        #expect(firstError(in: record("s", le64(number))) == size)
        #expect(firstError(in: [DiffTag.imageByteCount] + le64(number), syntax: .v1) == size)
        for (offset, byteCount) in [(number, number), (number, 1), (1, number), (0, number)] as [(UInt64, UInt64)] {
            let numbers = le64(offset) + le64(byteCount)
            let (end, overflows) = offset.addingReportingOverflow(byteCount)
            let zero =
                overflows
                ? DiffError(
                    .extentOverflows, at: afterHeader, tag: DiffTag.zero, expected: .max - offset, found: byteCount)
                : DiffError(.extentOutsideImage, at: afterHeader, tag: DiffTag.zero, expected: 8192, found: end)
            #expect(firstError(in: HostileStream.header + record("z", numbers)) == zero)
            let zeroV1 = firstError(in: headerV1 + [DiffTag.zero] + numbers, syntax: .v1)
            #expect(zeroV1?.code == zero.code && zeroV1?.expected == zero.expected && zeroV1?.found == zero.found)
            let write = firstError(in: headerV1 + [DiffTag.write] + numbers, syntax: .v1)
            #expect(write?.code == (byteCount == number ? .writeTooLong : zero.code))
        }
    }

    @Test("a name's length is refused before a byte of it is awaited", arguments: hugeSmallNumbers)
    func names(length: UInt32) {
        for tag in [DiffTag.fromSnapshot, DiffTag.toSnapshot] {
            #expect(
                firstError(in: [tag] + name("", length: length), syntax: .v1)
                    == DiffError(.nameTooLong, at: place, tag: tag, expected: 4096, found: UInt64(length)))
        }
        #expect(
            firstError(in: record("t", length: 4096 + 4, name("", length: length)))
                == DiffError(
                    .contradictingLength, at: place, tag: DiffTag.toSnapshot, expected: 4096, found: UInt64(length)))
    }

    @Test("an image header's lengths are refused by what their kind allows", arguments: hugeNumbers)
    func envelope(length: UInt64) {
        let headerPlace = RecordPosition(number: 1, byteOffset: 13)
        func expect(_ tag: Character, _ code: DiffError.Code, _ expected: UInt64) {
            let bytes = Array("rbd image v2\n".utf8) + record(tag, length: length)
            #expect(
                ImageStream(decoding: bytes).error
                    == DiffError(code, at: headerPlace, tag: tag.asciiValue, expected: expected, found: length))
        }
        for tag: Character in ["O", "T", "U", "C"] { expect(tag, .badRecordLength, 8) }
        expect("M", .metadataTooLong, UInt64(Limits.imageMetadataByteCountMax))
        expect("X", .skippedTooLong, UInt64(Limits.controlByteCountMax))
        var bytes: [UInt8] = []
        ImageEnvelopeEncoder.append(ImageEnvelopeTests.header, diffCount: length, to: &bytes)
        let count = StreamRead(bytes).error
        #expect(count?.code == .tooManyDiffs && count?.expected == 16_384 && count?.found == length)
    }

    @Test("endless metadata ends at its limit, in large entries and in small ones", arguments: [0, 100, 4000])
    func endlessMetadata(valueByteCount: Int) {
        let limit = Limits.imageMetadataByteCountMax
        let entry = record("M", name("k") + name(String(repeating: "v", count: valueByteCount)))
        let countedByteCount = entry.count - 9
        var decoder = ImageEnvelopeDecoder()
        var error: DiffError?
        var entryCount = 0
        let banner = Array("rbd image v2\n".utf8)
        do throws(DiffError) {
            var position = 0
            _ = try decoder.next(banner.span, at: &position)
            // As many as a sender that never stops: the loop ends by the error.
            while entryCount < 10_000_000 {
                entryCount += 1
                position = 0
                _ = try decoder.next(entry.span, at: &position)
            }
        } catch let found {
            error = found
        }
        let last = limit / countedByteCount + 1
        #expect(entryCount == last)
        let record = RecordPosition(number: last, byteOffset: UInt64(13 + (last - 1) * entry.count))
        #expect(
            error
                == DiffError(
                    .metadataTooLong, at: record, tag: UInt8(ascii: "M"), expected: UInt64(limit),
                    found: UInt64(last * countedByteCount)))
    }

    private let place = RecordPosition(number: 1, byteOffset: 0)
    private let afterHeader = RecordPosition(number: 3, byteOffset: 31)
    /// As `HostileStream.header`, in v1.
    private let headerV1 =
        [DiffTag.toSnapshot] + name("b") + [DiffTag.imageByteCount] + le64(8192)
}
