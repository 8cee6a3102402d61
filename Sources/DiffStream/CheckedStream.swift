import FerryCore

/// Reads a stream whose format is not known beforehand: bytes in, events out that keep all rules.
///
/// Bytes may arrive in slices of any size. The format is told by the banner, each diff is checked by a `DiffChecker`,
/// and in a history each diff must start from the snapshot that the one before it led to. What was given out before
/// an error was right by itself, but the stream is not whole and must not be published.
///
/// A stream that has thrown is of no further use.
public struct CheckedStream: StreamDecoder {
    /// The format, once its banner was read.
    public private(set) var format: (any StreamFormat)?
    /// Which diff is at hand: 1 for the first, 0 before it. It stays at hand until the next one's first event.
    public private(set) var diffNumber = 0

    private let limits: DiffLimits
    private var detector: FormatDetector
    private var decoder: (any StreamDecoder)?
    private var checker = DiffChecker(toSnapshot: .optional)
    private var isHistory = false
    private var isHeaderChecked = false
    private var history: HistoryChecker

    /// A reader at the start of a stream in one of `formats`.
    public init(formats: [any StreamFormat] = StreamFormats.all, limits: DiffLimits = .file) {
        self.limits = limits
        detector = FormatDetector(formats: formats)
        history = HistoryChecker(limits: limits)
    }

    /// The record of the last event or error. Records are counted anew in each diff, bytes from the stream's start.
    public var record: RecordPosition { decoder?.record ?? .start }
    /// What the records in front of the data of the diff at hand said so far.
    public var header: DiffHeader { checker.header }
    /// What was counted so far in the diff at hand.
    public var totals: DiffTotals { checker.totals }

    /// Takes bytes of `input` from `position` on, up to the next event; nil when all were taken and more are needed.
    public mutating func next(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> StreamEvent? {
        if decoder == nil { try detect(input, at: &position) }
        guard let event = try decode(input, at: &position) else { return nil }
        do throws(DiffError) {
            try check(event)
        } catch {
            throw error.inDiff(shownDiffNumber)
        }
        return event
    }

    /// To be called when there are no more bytes: an error unless the stream is whole, and when there was none.
    public func checkEnd() throws(DiffError) {
        guard let decoder else { throw DiffError(detector.hasBegun ? .cutShort : .empty, at: .start) }
        do throws(DiffError) {
            try decoder.checkEnd()
        } catch {
            throw located(error)
        }
        guard checker.isAtEnd else { throw DiffError(.endMissing, at: record).inDiff(shownDiffNumber) }
    }

    private mutating func detect(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) {
        guard let format = try detector.next(input, at: &position) else { return }
        self.format = format
        isHistory = format.isHistory
        var decoder = format.makeDecoder(limits: limits)
        var banner: [UInt8] = []
        banner.append(banner: format.banner)
        var bannerPosition = 0
        let event = try decoder.next(banner.span, at: &bannerPosition)
        precondition(event == nil, "a banner by itself says nothing")
        self.decoder = decoder
    }

    private mutating func decode(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> StreamEvent? {
        do throws(DiffError) {
            return try decoder?.next(input, at: &position)
        } catch {
            throw located(error)
        }
    }

    private mutating func check(_ event: StreamEvent) throws(DiffError) {
        switch event {
        case .image: return
        case .diffCount(let count):
            try history.expect(diffCount: count, at: record)
            diffNumber = 1
        case .diff(let event): try check(event)
        }
    }

    private mutating func check(_ event: DiffEvent) throws(DiffError) {
        if diffNumber == 0 { diffNumber = 1 }
        if checker.isAtEnd, isHistory {
            diffNumber += 1
            checker = DiffChecker(toSnapshot: .optional)
            isHeaderChecked = false
        }
        try checker.check(event, at: record)
        guard isHistory, !isHeaderChecked else { return }
        switch event {
        case .write, .zero, .end:
            try history.open(checker.header, at: record)
            isHeaderChecked = true
        default: return
        }
    }

    /// The diff that errors name; nil in a stream of one diff and before the first.
    private var shownDiffNumber: Int? { isHistory && diffNumber > 0 ? diffNumber : nil }

    /// An error of the decoder: behind a diff's end, it befell the next diff, unless there should be none.
    private func located(_ error: DiffError) -> DiffError {
        let isInNext = checker.isAtEnd && error.code != .afterEnd
        return error.inDiff(shownDiffNumber.map { isInNext ? $0 + 1 : $0 })
    }
}
