public import FerryCore

/// What a stream says, one step at a time, whatever its format.
public enum StreamEvent: Hashable, Sendable {
    /// The image that the diffs belong to, in formats that describe one; comes first.
    case image(ImageHeader)
    /// How many diffs follow, in formats that say so; at least 1.
    case diffCount(UInt64)
    /// A step of the diff at hand. Its `end` is followed by the next diff, or by nothing.
    case diff(DiffEvent)
}

/// A format of diff streams: bytes to events, and back.
///
/// A further format is one file with a type that conforms to this, and one line in `StreamFormats.all`. Formats only
/// translate; what must hold in every stream, `CheckedStream` checks for all of them.
public protocol StreamFormat: Sendable {
    /// What users call it.
    var name: String { get }
    /// What a stream of this format starts with; no format's banner begins with another's.
    var banner: StaticString { get }
    /// Whether a stream describes an image and holds its history, any number of diffs. Otherwise it is one diff.
    var isHistory: Bool { get }
    /// Whether a diff says if the snapshot that it leads to is protected.
    var saysProtection: Bool { get }

    /// A decoder at the start of a stream, the banner included, for which alone it gives no event.
    func makeDecoder(limits: DiffLimits) -> any StreamDecoder

    /// Appends what stands before the first diff, the banner excluded where each diff has one of its own.
    func appendOpening(_ image: ImageHeader, diffCount: UInt64, to output: inout [UInt8])
    /// Appends what stands before a diff's first extent, the diff's banner included.
    func appendDiffOpening(_ header: DiffHeader, to output: inout [UInt8])
    /// Appends a write without its data, of which the caller appends exactly `extent.byteCount` bytes.
    func appendWriteHeader(_ extent: Extent, to output: inout [UInt8])
    /// Appends a stretch of zeros.
    func appendZero(_ extent: Extent, to output: inout [UInt8])
    /// Appends the end of a diff.
    func appendEnd(to output: inout [UInt8])
}

/// Decodes a stream whose bytes arrive in slices of any size. One that has thrown is of no further use.
public protocol StreamDecoder: Sendable {
    /// The record of the last event or error. Records are counted anew in each diff, bytes from the stream's start.
    var record: RecordPosition { get }

    /// Takes bytes of `input` from `position` on, up to the next event; nil when all were taken and more are needed.
    mutating func next(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> StreamEvent?

    /// To be called when there are no more bytes: an error unless the stream is whole.
    func checkEnd() throws(DiffError)
}
