import DiffStream
import FerryCore

/// The chunk of a stream that was read last, and how far it was decoded and checked.
struct StreamCursor {
    /// What the ranges of the last data event lie in.
    private(set) var buffer = DataBuffer(byteCount: 0)
    /// Where what was read ends in the buffer.
    private(set) var end = 0
    private(set) var stream = CheckedStream()
    private let input: StreamInput
    private var position = 0

    init(_ input: StreamInput) {
        self.input = input
    }

    /// The next event of what was read; nil when more must be read.
    mutating func next() throws(StreamDamage) -> StreamEvent? {
        guard position < end else { return nil }
        return try input.naming { () throws(DiffError) in
            try buffer.withSpan { span throws(DiffError) in
                try stream.next(span.extracting(0..<end), at: &position)
            }
        }
    }

    /// Throws unless the stream may end here.
    func checkEnd() throws(StreamDamage) {
        try input.naming { () throws(DiffError) in try stream.checkEnd() }
    }

    /// Goes on in the next chunk, which is in a buffer of its own: what was handed out keeps the one before.
    mutating func goOn(in next: DataBuffer, range: Range<Int>) {
        (buffer, position, end) = (next, range.lowerBound, range.upperBound)
    }
}
