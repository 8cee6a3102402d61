import FerryCore

/// Decodes a stream that is one diff and nothing else.
public struct SingleDiffDecoder: StreamDecoder {
    private var decoder: DiffDecoder

    /// A decoder at the start of a stream, the banner included.
    public init(_ syntax: DiffSyntax, limits: DiffLimits) {
        decoder = DiffDecoder(syntax, banner: .required, limits: limits)
    }

    /// The record of the last event or error.
    public var record: RecordPosition { decoder.record }

    /// Takes bytes of `input` from `position` on, up to the next event; nil when all were taken and more are needed.
    public mutating func next(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> StreamEvent? {
        try decoder.next(input, at: &position).map { .diff($0) }
    }

    /// To be called when there are no more bytes: an error unless the end record was decoded.
    public func checkEnd() throws(DiffError) { try decoder.checkEnd() }
}
