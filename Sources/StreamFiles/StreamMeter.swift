import Synchronization

/// What an export, an import or another pass over a stream has done so far. A progress display reads it.
public final class StreamMeter: Sendable {
    /// Counts at one moment, in bytes where not said otherwise.
    public struct Counts: Hashable, Sendable {
        /// What is going on.
        public var phase = StreamPhase.preparing
        /// The diff at hand, counted from 1; 0 before the first.
        public var diffNumber = 0
        /// Diffs in the stream; 0 while that is not known.
        public var diffCount: UInt64 = 0
        /// Size of the image at the end of the diff at hand.
        public var imageByteCount: UInt64 = 0
        /// Everything of the diff at hand below this offset is done.
        public var offset: UInt64 = 0
        /// The list of the diff's extents is known up to here.
        public var scannedOffset: UInt64 = 0
        /// Bytes to read for the diff at hand, at most, where the store can tell.
        public var estimatedByteCount: UInt64?
        /// Bytes of the diff at hand that were read from an image.
        public var readByteCount: UInt64 = 0
        /// Data that was read from an image, applied to one, or read from a stream to be merged, in all diffs.
        public var dataByteCount: UInt64 = 0
    }
    private let state = Mutex(Counts())

    /// A meter at zero.
    public init() {}

    /// The counts now.
    public var counts: Counts { state.withLock { $0 } }

    /// Changes the counts.
    func update(_ change: (inout Counts) -> Void) {
        state.withLock { change(&$0) }
    }

    /// The next diff begins; it leads to an image of this size.
    func beginDiff(imageByteCount: UInt64, estimatedByteCount: UInt64? = nil) {
        update { counts in
            counts.diffNumber += 1
            counts.imageByteCount = imageByteCount
            counts.estimatedByteCount = estimatedByteCount
            counts.offset = 0
            counts.scannedOffset = 0
            counts.readByteCount = 0
        }
    }
}

/// What is being done with a stream.
public enum StreamPhase: String, Sendable {
    /// Looking at the image, protecting or making snapshots.
    case preparing
    /// Reading a file through before anything is written.
    case checking
    /// Reading changed extents and writing the stream.
    case exporting
    /// Applying a stream to an image.
    case importing
    /// Making a snapshot, moving a file into place, letting go of snapshots.
    case finishing
    /// Bringing an image back to what it was.
    case undoing
}
