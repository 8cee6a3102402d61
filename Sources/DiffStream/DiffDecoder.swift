import FerryCore

/// Decodes one diff: bytes in, events out.
///
/// Bytes may arrive in slices of any size. Data is not buffered: it is delivered as ranges of the input. At most one
/// record's head is held, which the longest name bounds. Lengths may be anything; none is trusted.
///
/// The decoder checks each record by itself. `DiffChecker` checks what they say together.
/// A decoder that has thrown is of no further use.
///
///     banner → between records ⇄ inside a head → data, or a skipped payload → between records … → ended
public struct DiffDecoder: Sendable {
    /// Whether the stream starts with its banner line.
    public enum BannerRule: Sendable {
        /// As in a file.
        case required
        /// As on the wire, where the format was agreed before.
        case absent
    }

    /// The record of the last event or error; before the first record, where the stream starts.
    public private(set) var record: RecordPosition
    /// Number of that record: 1 for the first, 0 for the banner.
    public var recordNumber: Int { record.number }
    /// Where that record starts, in bytes from the start of the stream.
    public var byteOffset: UInt64 { record.byteOffset }
    /// Bytes of the stream that were taken so far.
    public private(set) var takenByteCount: UInt64

    private enum Phase: Sendable {
        case banner
        case records
        case data(offset: UInt64, remaining: UInt64)
        case skipping(tag: UInt8, byteCount: UInt64, remaining: UInt64)
        case ended
    }

    private let syntax: DiffSyntax
    private let limits: DiffLimits
    private var phase: Phase
    private var headReader = RecordHeadReader()

    /// A decoder at the start of a diff. `byteOffset` is where the diff starts in what contains it.
    public init(
        _ syntax: DiffSyntax = .v2, banner: BannerRule, limits: DiffLimits = .wire, byteOffset: UInt64 = 0
    ) {
        self.syntax = syntax
        self.limits = limits
        phase = banner == .required ? .banner : .records
        record = RecordPosition(number: 0, byteOffset: byteOffset)
        takenByteCount = byteOffset
    }

    /// Whether the end record was decoded.
    public var isAtEnd: Bool {
        if case .ended = phase { return true }
        return false
    }

    /// Whether the last byte taken was the last byte of a record: a block may end here.
    public var isBetweenRecords: Bool {
        switch phase {
        case .records: !headReader.isInsideHead
        case .ended: true
        case .banner, .data, .skipping: false
        }
    }

    /// Takes bytes of `input` from `position` on, up to the next event; nil when all were taken and more are needed.
    ///
    /// After `end` it takes nothing more; if there are bytes left, another call is an error.
    public mutating func next(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> DiffEvent? {
        while position < input.count {
            let start = position
            let event = try step(input, at: &position)
            takenByteCount += UInt64(position - start)
            if let event { return event }
        }
        return nil
    }

    /// To be called when the stream has no more bytes: an error unless its end record was decoded.
    public func checkEnd() throws(DiffError) {
        switch phase {
        case .ended: return
        case .data(_, let remaining):
            throw DiffError(.cutShort, at: record, tag: DiffTag.write, expected: remaining, found: 0)
        case .skipping(let tag, _, let remaining):
            throw DiffError(.cutShort, at: record, tag: tag, expected: remaining, found: 0)
        case .banner: throw DiffError(.cutShort, at: record)
        case .records:
            if let tag = headReader.firstByte { throw DiffError(.cutShort, at: record, tag: tag) }
            throw DiffError(.endMissing, at: nextRecord)
        }
    }

    private var nextRecord: RecordPosition {
        RecordPosition(number: record.number + 1, byteOffset: takenByteCount)
    }

    private mutating func step(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> DiffEvent? {
        switch phase {
        case .records: return try takeHead(input, at: &position)
        case .data(let offset, let remaining):
            return takeData(input, at: &position, offset: offset, remaining: remaining)
        case .skipping(let tag, let byteCount, let remaining):
            let takenCount = Self.clamped(remaining, to: input.count - position)
            position += takenCount
            let left = remaining - UInt64(takenCount)
            phase = left > 0 ? .skipping(tag: tag, byteCount: byteCount, remaining: left) : .records
            return left > 0 ? nil : .skipped(tag: tag, byteCount: byteCount)
        case .banner:
            try takeBanner(input, at: &position)
            return nil
        case .ended:
            record = nextRecord
            throw DiffError(.afterEnd, at: record, tag: input[position])
        }
    }

    private mutating func takeBanner(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) {
        let (banner, start) = (syntax.banner, record)
        let taken: Void? = try headReader.take(from: input, at: &position) { bytes, index throws(DiffError) in
            try parseBanner(banner, in: bytes, from: index, at: start)
        }
        if taken != nil { phase = .records }
    }

    private mutating func takeHead(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> DiffEvent? {
        if !headReader.isInsideHead { record = nextRecord }
        let (syntax, rules) = (syntax, RecordRules(limits: limits, record: record))
        let event = try headReader.take(from: input, at: &position) { bytes, index throws(DiffError) in
            try syntax.head(bytes, from: index, rules: rules)
        }
        switch event {
        case .write(let extent) where extent.byteCount > 0:
            phase = .data(offset: extent.offset, remaining: extent.byteCount)
        case .skipped(let tag, let byteCount) where byteCount > 0:
            phase = .skipping(tag: tag, byteCount: byteCount, remaining: byteCount)
            return nil
        case .end: phase = .ended
        default: break
        }
        return event
    }

    private mutating func takeData(
        _ input: Span<UInt8>, at position: inout Int, offset: UInt64, remaining: UInt64
    ) -> DiffEvent {
        let takenCount = Self.clamped(remaining, to: input.count - position)
        let range = position..<position + takenCount
        position = range.upperBound
        let left = remaining - UInt64(takenCount)
        phase = left > 0 ? .data(offset: offset + UInt64(takenCount), remaining: left) : .records
        return .data(offset: offset, range: range)
    }

    private static func clamped(_ byteCount: UInt64, to available: Int) -> Int {
        Int(min(byteCount, UInt64(available)))
    }
}
