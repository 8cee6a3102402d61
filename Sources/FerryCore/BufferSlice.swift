/// A part of a buffer. Holding it holds the buffer.
public struct BufferSlice: Sendable {
    /// The whole buffer.
    public let buffer: DataBuffer
    /// Which of its bytes.
    public let range: Range<Int>

    /// The bytes of `buffer` in `range`, which must lie inside it.
    public init(_ buffer: DataBuffer, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.byteCount, "a slice lies in its buffer")
        self.buffer = buffer
        self.range = range
    }

    /// All of `buffer`.
    public init(_ buffer: DataBuffer) {
        self.init(buffer, 0..<buffer.byteCount)
    }

    /// Size in bytes.
    public var byteCount: Int { range.count }

    /// The bytes from `position` on, counted from the slice's first.
    public func dropFirst(_ position: Int) -> BufferSlice {
        BufferSlice(buffer, range.lowerBound + position..<range.upperBound)
    }

    /// The first bytes, `count` of them or all there are.
    public func prefix(_ count: Int) -> BufferSlice {
        BufferSlice(buffer, range.lowerBound..<min(range.lowerBound + count, range.upperBound))
    }

    /// A copy of the bytes.
    public var bytes: [UInt8] { buffer.bytes(in: range) }

    /// Lends the bytes for reading.
    public func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try buffer.withSpan { (span) throws(Failure) in try body(span.extracting(range)) }
    }
}

extension BufferSlice: Equatable {
    /// Whether the bytes are the same.
    public static func == (left: BufferSlice, right: BufferSlice) -> Bool {
        left.buffer.unsafeBytes[left.range].elementsEqual(right.buffer.unsafeBytes[right.range])
    }
}
