import DiffStream
import FerryCore
import Foundation
import Testing

/// What a decoder said, with the data itself in place of where it lay.
enum Step: Equatable {
    case event(DiffEvent)
    case data(offset: UInt64, bytes: [UInt8])
}

extension [Step] {
    /// Adds `event`; data that continues the last step's data is joined with it.
    mutating func add(_ event: DiffEvent, of slice: some RandomAccessCollection<UInt8>) {
        guard case .data(let offset, let range) = event else {
            append(.event(event))
            return
        }
        let bytes = slice.dropFirst(range.lowerBound).prefix(range.count)
        if case .data(let start, let held) = last, start + UInt64(held.count) == offset {
            self[count - 1] = .data(offset: start, bytes: held + bytes)
        } else {
            append(.data(offset: offset, bytes: [UInt8](bytes)))
        }
    }
}

/// Everything a decoder says of `bytes`, given to it in slices that end at `cuts`; an error at the end is kept.
func decode(
    _ bytes: [UInt8], cuts: [Int] = [], banner: DiffDecoder.BannerRule = .absent, limits: DiffLimits = .file,
    atEnd: Bool = true
) -> (steps: [Step], error: DiffError?) {
    var decoder = DiffDecoder(banner: banner, limits: limits)
    var steps: [Step] = []
    do throws(DiffError) {
        for slice in slices(bytes, cuts: cuts) {
            var position = 0
            while let event = try decoder.next(slice.span, at: &position) { steps.add(event, of: slice) }
        }
        if atEnd { try decoder.checkEnd() }
        return (steps, nil)
    } catch {
        return (steps, error)
    }
}

/// The first error that decoder and checker find in `bytes`, which come in one piece.
func firstError(
    in bytes: [UInt8], syntax: DiffSyntax = .v2, toSnapshot: DiffChecker.ToSnapshotRule = .required,
    limits: DiffLimits = .wire
) -> DiffError? {
    var decoder = DiffDecoder(syntax, banner: .absent, limits: limits)
    var checker = DiffChecker(toSnapshot: toSnapshot)
    var position = 0
    do throws(DiffError) {
        while let event = try decoder.next(bytes.span, at: &position) {
            try checker.check(event, at: decoder.record)
        }
        try decoder.checkEnd()
        return nil
    } catch {
        return error
    }
}

/// `bytes` in pieces that end at `cuts` and at the end.
func slices(_ bytes: [UInt8], cuts: [Int]) -> [[UInt8]] {
    let ends = cuts + [bytes.count]
    return zip([0] + cuts, ends).map { Array(bytes[$0..<$1]) }
}

/// The bytes that `steps` stand for.
func encode(_ steps: [Step], protectionForm: DiffEncoder.ProtectionForm) -> [UInt8] {
    var output: [UInt8] = []
    for step in steps {
        switch step {
        case .data(_, let bytes): output += bytes
        case .event(let event): append(event, protectionForm: protectionForm, to: &output)
        }
    }
    return output
}

private func append(_ event: DiffEvent, protectionForm: DiffEncoder.ProtectionForm, to output: inout [UInt8]) {
    switch event {
    case .fromSnapshot(let name): DiffEncoder.appendFromSnapshot(name, to: &output)
    case .toSnapshot(let name): DiffEncoder.appendToSnapshot(name, to: &output)
    case .protection(let isProtected): DiffEncoder.appendProtection(isProtected, form: protectionForm, to: &output)
    case .imageByteCount(let count): DiffEncoder.appendImageByteCount(count, to: &output)
    case .write(let extent): DiffEncoder.appendWriteHeader(extent, to: &output)
    case .zero(let extent): DiffEncoder.appendZero(extent, to: &output)
    case .end: DiffEncoder.appendEnd(to: &output)
    case .data, .skipped: preconditionFailure("not one record")
    }
}

/// A raw v2 record.
func record(_ tag: Character, length: UInt64? = nil, _ payload: [UInt8] = []) -> [UInt8] {
    var bytes = [tag.asciiValue ?? 0]
    bytes.append(littleEndian: length ?? UInt64(payload.count))
    return bytes + payload
}

/// A number's eight bytes.
func le64(_ number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: number)
    return bytes
}

/// A length of four bytes and the text.
func name(_ text: String, length: UInt32? = nil) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: length ?? UInt32(text.utf8.count))
    return bytes + text.utf8
}

/// A golden file's bytes.
func golden(_ file: String) throws -> [UInt8] {
    let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
    return [UInt8](try Data(contentsOf: folder.appending(path: file)))
}
