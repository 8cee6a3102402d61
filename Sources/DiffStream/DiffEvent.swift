public import FerryCore

/// What a diff stream says, one step at a time.
public enum DiffEvent: Hashable, Sendable {
    /// The snapshot that the diff starts from; a full diff has none.
    case fromSnapshot(String)
    /// The snapshot that the diff leads to; a diff to an image's head has none.
    case toSnapshot(String)
    /// Whether that snapshot is protected.
    case protection(Bool)
    /// The image's size at the end of the diff, in bytes.
    case imageByteCount(UInt64)
    /// A `w` record begins; its data follows in `data` events, unless it is empty.
    case write(Extent)
    /// Bytes of the write begun last: where they go in the image, and where they lie in the input of this call.
    case data(offset: UInt64, range: Range<Int>)
    /// A stretch of zeros.
    case zero(Extent)
    /// A record with an unknown tag and this many bytes of payload was passed over.
    case skipped(tag: UInt8, byteCount: UInt64)
    /// The end record: nothing may follow.
    case end
}

/// Which record of a stream it is, and where it starts.
public struct RecordPosition: Hashable, Sendable {
    /// 1 for the first record; 0 for the banner.
    public var number: Int
    /// Bytes of the stream before the record.
    public var byteOffset: UInt64

    /// The position of record `number`, which starts at `byteOffset`.
    public init(number: Int, byteOffset: UInt64) {
        self.number = number
        self.byteOffset = byteOffset
    }
}
