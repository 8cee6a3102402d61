import FerryCore

/// Decodes `rbd image v2`, what `rbd export --export-format 2` writes. Bytes may arrive in slices of any size.
///
/// The diffs are only decoded; each needs a `DiffChecker` of its own. In positions, records are counted anew in each
/// diff, and bytes from the start of the stream.
public struct ImageEnvelopeDecoder: StreamDecoder {
    /// The record of the last event or error.
    public var record: RecordPosition { isInsideDiffs ? diffDecoder.record : headerRecord }

    private enum Phase: Sendable {
        case banner
        case header
        case skipping(remaining: UInt64)
        case diffsBanner
        case diffCount
        case diffs
        case ended
    }

    private let limits: DiffLimits
    private var phase = Phase.banner
    private var headReader = RecordHeadReader()
    private var headerRecord = RecordPosition(number: 0, byteOffset: 0)
    private var takenByteCount: UInt64 = 0
    private var header = ImageHeaderBuilder()
    private var pendingDiffCount: UInt64 = 0
    private var diffDecoder: DiffDecoder

    /// A decoder at the start of a stream.
    public init(limits: DiffLimits = .file) {
        self.limits = limits
        diffDecoder = DiffDecoder(banner: .required, limits: limits)
    }

    /// Whether the last diff's end record was decoded.
    public var isAtEnd: Bool {
        if case .ended = phase { return true }
        return false
    }

    /// Takes bytes of `input` from `position` on, up to the next event; nil when all were taken and more are needed.
    public mutating func next(
        _ input: Span<UInt8>, at position: inout Int
    ) throws(DiffError) -> StreamEvent? {
        while position < input.count {
            let start = position
            let event = try step(input, at: &position)
            takenByteCount += UInt64(position - start)
            if case .diff(.end) = event { countDiff() }
            if let event { return event }
        }
        return nil
    }

    /// To be called when the stream has no more bytes: an error unless the last diff's end record was decoded.
    public func checkEnd() throws(DiffError) {
        switch phase {
        case .ended: return
        case .diffs: try (diffDecoder.isAtEnd ? diffDecoderFromHere : diffDecoder).checkEnd()
        case .skipping(let remaining): throw DiffError(.cutShort, at: headerRecord, expected: remaining, found: 0)
        case .banner, .header, .diffsBanner, .diffCount:
            throw DiffError(.cutShort, at: headerRecord, tag: headReader.firstByte)
        }
    }

    private var isInsideDiffs: Bool {
        switch phase {
        case .diffs, .ended: true
        case .banner, .header, .skipping, .diffsBanner, .diffCount: false
        }
    }

    private mutating func step(
        _ input: Span<UInt8>, at position: inout Int
    ) throws(DiffError) -> StreamEvent? {
        switch phase {
        case .banner:
            if try takeBanner(ImageEnvelopeTag.headerBanner, input, at: &position) { phase = .header }
            return nil
        case .header: return try takeHeaderRecord(input, at: &position)
        case .skipping(let remaining):
            let takenCount = Int(min(remaining, UInt64(input.count - position)))
            position += takenCount
            let left = remaining - UInt64(takenCount)
            phase = left > 0 ? .skipping(remaining: left) : .header
            return nil
        case .diffsBanner:
            if try takeBanner(ImageEnvelopeTag.diffsBanner, input, at: &position) { phase = .diffCount }
            return nil
        case .diffCount: return try takeDiffCount(input, at: &position)
        case .diffs:
            if diffDecoder.isAtEnd { diffDecoder = diffDecoderFromHere }
            return try diffDecoder.next(input, at: &position).map { .diff($0) }
        case .ended:
            throw DiffError(
                .afterEnd, at: RecordPosition(number: record.number + 1, byteOffset: takenByteCount),
                tag: input[position])
        }
    }

    private mutating func beginRecord() {
        guard !headReader.isInsideHead else { return }
        headerRecord = RecordPosition(number: headerRecord.number + 1, byteOffset: takenByteCount)
    }

    private mutating func takeBanner(
        _ banner: StaticString, _ input: Span<UInt8>, at position: inout Int
    ) throws(DiffError) -> Bool {
        if takenByteCount > 0 { beginRecord() }
        let record = headerRecord
        let taken: Void? = try headReader.take(from: input, at: &position) { bytes, index throws(DiffError) in
            try parseBanner(banner, in: bytes, from: index, at: record)
        }
        return taken != nil
    }

    private mutating func takeHeaderRecord(
        _ input: Span<UInt8>, at position: inout Int
    ) throws(DiffError) -> StreamEvent? {
        beginRecord()
        let parser = ImageHeaderParser(rules: RecordRules(limits: limits, record: headerRecord))
        let item = try headReader.take(from: input, at: &position) { bytes, index throws(DiffError) in
            try parser.head(bytes, from: index)
        }
        guard let item else { return nil }
        switch item {
        case .number(let tag, let number): try header.set(tag, number, at: headerRecord)
        case .metadata(let entry): try header.add(entry, at: headerRecord)
        case .skipped(let byteCount): if byteCount > 0 { phase = .skipping(remaining: byteCount) }
        case .end:
            phase = .diffsBanner
            return .image(try header.build(at: headerRecord))
        }
        return nil
    }

    private mutating func takeDiffCount(
        _ input: Span<UInt8>, at position: inout Int
    ) throws(DiffError) -> StreamEvent? {
        beginRecord()
        let count = try headReader.take(from: input, at: &position) { bytes, index throws(DiffError) in
            let count = bytes.littleEndian(UInt64.self, at: index)
            return count.map { RecordHead.complete($0, byteCount: 8) } ?? .needs(byteCount: 8)
        }
        guard let count else { return nil }
        guard count > 0 else { throw DiffError(.badDiffCount, at: headerRecord, expected: 1, found: count) }
        pendingDiffCount = count
        phase = .diffs
        diffDecoder = DiffDecoder(banner: .required, limits: limits, byteOffset: headerRecord.byteOffset + 8)
        return .diffCount(count)
    }

    private mutating func countDiff() {
        pendingDiffCount -= 1
        if pendingDiffCount == 0 { phase = .ended }
    }

    private var diffDecoderFromHere: DiffDecoder {
        DiffDecoder(banner: .required, limits: limits, byteOffset: takenByteCount)
    }
}
