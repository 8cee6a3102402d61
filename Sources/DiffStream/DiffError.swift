public import FerryCore

/// What is wrong with a diff stream, and where.
public struct DiffError: Failure, Hashable {
    /// What rule is broken. In brackets: what `expected` and `found` hold.
    public enum Code: String, Sendable {
        /// The stream doesn't start as its format does.
        case badBanner
        /// A record's length does not fit its kind (length expected, found).
        case badRecordLength
        /// A record's length and the length inside it differ (length that the record leaves, length inside).
        case contradictingLength
        /// A name is longer than the limit (limit, length).
        case nameTooLong
        /// A name has no bytes.
        case nameEmpty
        /// A name is not UTF-8, or has a zero byte in it.
        case nameNotText
        /// The protection byte is neither 0 nor 1 (1, byte).
        case badProtection
        /// A `w` record has more data than the limit (limit, length).
        case writeTooLong
        /// An unknown record is longer than what is passed over (limit, length).
        case skippedTooLong
        /// An extent ends past 2^64 (largest length at its offset, length).
        case extentOverflows
        /// The image is larger than the limit (limit, size).
        case imageTooLarge
        /// The stream stops inside a record (bytes still to come where known, 0).
        case cutShort
        /// The stream stops between records, without its end record.
        case endMissing
        /// Something follows the end record.
        case afterEnd
        /// A record that may come once comes again.
        case repeated
        /// A record that belongs before the data comes after the first extent.
        case afterData
        /// Data or the end comes, and a record that must precede it has not. `tag` is the missing record's.
        case missing
        /// A protection record without a snapshot to protect.
        case protectionWithoutSnapshot
        /// An extent of no bytes.
        case extentEmpty
        /// An extent starts before the one in front of it (end of that one, offset).
        case extentDescends
        /// An extent starts inside the one in front of it (end of that one, offset).
        case extentOverlaps
        /// An extent ends outside the image (image size, end).
        case extentOutsideImage
        /// A record has a tag that is unknown, in a layout where it can't be passed over.
        case unknownTag
        /// An image header has more metadata than the limit (limit, bytes).
        case metadataTooLong
        /// An image stream says that it holds no diff (1, count).
        case badDiffCount
        /// A history has more diffs than the limit (limit, count).
        case tooManyDiffs
        /// The first diff of a history starts from a snapshot (that snapshot).
        case fromSnapshotInFirstDiff
        /// A diff does not start from the snapshot that the one before it led to (that one, snapshot if it has one).
        case fromSnapshotDiffers
        /// A diff that is not the last of its history leads to no snapshot.
        case toSnapshotMissing
        /// Two diffs of a history lead to snapshots of one name (the name).
        case toSnapshotRepeated
        /// There is no stream: not one byte.
        case empty
    }

    /// What rule is broken.
    public let code: Code
    /// The record that breaks it.
    public let record: RecordPosition
    /// That record's tag; nil where there is none.
    public let tag: UInt8?
    /// The number that the rule asks for; see `Code`.
    public let expected: UInt64?
    /// The number that the stream has; see `Code`.
    public let found: UInt64?
    /// The name that the rule asks for; see `Code`.
    public let expectedName: String?
    /// The name that the stream has; see `Code`.
    public let foundName: String?
    /// Which diff of a history it is, from 1; nil in a stream of one diff, and before the first.
    public private(set) var diffNumber: Int?

    /// A broken rule at `record`.
    public init(
        _ code: Code, at record: RecordPosition, tag: UInt8? = nil, expected: UInt64? = nil, found: UInt64? = nil,
        expectedName: String? = nil, foundName: String? = nil
    ) {
        self.code = code
        self.record = record
        self.tag = tag
        self.expected = expected
        self.found = found
        self.expectedName = expectedName
        self.foundName = foundName
    }

    /// The same error, which befell diff `number` of a history.
    public func inDiff(_ number: Int?) -> DiffError {
        var error = self
        error.diffNumber = number
        return error
    }

    /// The same bytes give the same error.
    public var disposition: Disposition { .permanent }

    /// What is wrong, with the record's number, offset and tag, and the numbers.
    public var cause: String {
        var text = "damaged diff stream: \(code.text) ("
        if let diffNumber { text += "diff \(diffNumber), " }
        text += "record \(record.number) at byte \(record.byteOffset)"
        if let tag { text += ", tag \(Self.name(ofTag: tag))" }
        if let expected { text += ", expected \(expected)" }
        if let found { text += ", found \(found)" }
        if let expectedName { text += ", expected '\(expectedName.printable)'" }
        if let foundName { text += ", found '\(foundName.printable)'" }
        return text + ")"
    }

    /// What the user can do.
    public var remedy: String {
        switch code {
        case .badBanner: "check that this is the right file and format"
        case .extentDescends, .extentOverlaps:
            "make the stream with rbd-ferry, or with a newer rbd and exact extents (not --whole-object)"
        case .empty: "look at what should have written the stream"
        case .cutShort, .endMissing: "get the whole stream again; what came of it must not be used"
        default: "make the stream again; if that does not help, report it with the program that wrote it"
        }
    }

    private static func name(ofTag tag: UInt8) -> String {
        (0x21...0x7e).contains(tag) ? "'\(UnicodeScalar(tag))'" : "byte \(tag)"
    }
}

extension DiffError.Code {
    fileprivate var text: String {
        switch self {
        case .badBanner: "it does not start with the format's banner"
        case .badRecordLength: "a record's length does not fit its kind"
        case .contradictingLength: "a record's two lengths contradict each other"
        case .nameTooLong: "a name is too long"
        case .nameEmpty: "a name is empty"
        case .nameNotText: "a name or a value is not UTF-8 text"
        case .badProtection: "a protection record is neither 0 nor 1"
        case .writeTooLong: "a write is too long"
        case .skippedTooLong: "an unknown record is too long to pass over"
        case .extentOverflows: "an extent ends past 2^64"
        case .imageTooLarge: "the image is too large"
        case .cutShort: "it stops inside a record"
        case .endMissing: "it stops without an end record"
        case .afterEnd: "something follows the end record"
        case .repeated: "a record comes twice"
        case .afterData: "a record comes after data and belongs before it"
        case .missing: "a record is missing"
        case .protectionWithoutSnapshot: "a protection record has no snapshot"
        case .extentEmpty: "an extent is empty"
        case .extentDescends: "an extent lies before the previous one"
        case .extentOverlaps: "an extent overlaps the previous one"
        case .extentOutsideImage: "an extent ends outside the image"
        case .unknownTag: "a record is of an unknown kind"
        case .metadataTooLong: "the image has too much metadata"
        case .badDiffCount: "it holds no diff"
        case .tooManyDiffs: "it holds too many diffs"
        case .fromSnapshotInFirstDiff: "its first diff starts from a snapshot"
        case .fromSnapshotDiffers: "a diff does not start from the snapshot that the previous one led to"
        case .toSnapshotMissing: "a diff leads to no snapshot and is not the last"
        case .toSnapshotRepeated: "two diffs lead to snapshots of one name"
        case .empty: "it is empty"
        }
    }
}
