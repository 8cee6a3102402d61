public import FerryCore

/// A place where images live: a Ceph pool, a folder, or memory.
///
/// Every store behaves the same; one conformance suite (`Tests/StoreConformance`) runs on all of them. Methods may
/// be called from any task. What a store can't do it throws, it never does half and says nothing.
public protocol ImageStore: Sendable {
    /// How messages call this store: `ceph:rbd`, `dir:/srv/mirror`.
    var location: String { get }

    /// Names of all images, sorted.
    func imageNames() async throws(StoreError) -> [String]

    /// Opens an image to send from. Throws `.notFound` when there is none of that name.
    func openSource(_ name: String) async throws(StoreError) -> any SourceImage

    /// Opens an image to apply to; nil when there is none of that name. Takes no lock yet.
    func openMirror(_ name: String) async throws(StoreError) -> (any MirrorImage)?

    /// Creates an empty image and opens it. Throws `.alreadyExists` when the name is taken. A store without
    /// objects remembers the layout and does not use it.
    func createMirror(
        _ name: String, byteCount: UInt64, layout: ImageLayout
    ) async throws(StoreError) -> any MirrorImage

    /// Lets go of the store. Images must be closed before.
    func close() async
}

/// What both ends need from an image.
public protocol Image: Sendable {
    /// Which image this is; the same for as long as it exists, whatever its name.
    var identity: ImageIdentity { get }

    /// Size of the head, in bytes, read afresh.
    func headByteCount() async throws(StoreError) -> UInt64

    /// The user's snapshots, in ascending order of id, read afresh.
    func snapshots() async throws(StoreError) -> [Snapshot]

    /// Makes a snapshot of the head; durable when it returns. Throws `.alreadyExists` for a taken name, and
    /// `.notQuiesced` when the policy is `required` and a user of the image did not hold still. A store that has no
    /// way to ask its images' users asks nobody.
    func createSnapshot(_ name: String, quiesce: QuiescePolicy) async throws(StoreError) -> Snapshot

    /// Removes a snapshot. Throws `.notFound` when the id is gone and `.locked` when it is pinned.
    func removeSnapshot(_ snapshot: SnapshotIdentity) async throws(StoreError)

    /// The first stretch in which the head differs from `snapshot` (nil: from all zeros), a changed size included;
    /// nil when all bytes are equal. What was written and holds the same bytes as before is no change.
    func firstChange(since snapshot: SnapshotIdentity?) async throws(StoreError) -> Extent?

    /// Our state that is kept with the image; nil when the key was never set. Read afresh.
    func metadata(_ key: String) async throws(StoreError) -> String?

    /// Everything that is kept with the image, ours and others', in ascending order of key. Read afresh. Throws
    /// `.unsupported` for what is not text.
    func allMetadata() async throws(StoreError) -> [ImageMetadata]

    /// Sets a key, atomically and durably.
    func setMetadata(_ key: String, to value: String) async throws(StoreError)

    /// Removes a key, durably; removing what is not there is no error.
    func removeMetadata(_ key: String) async throws(StoreError)

    /// Lets go of the image, and of its lock if there is one. Waits for operations in flight. Idempotent.
    func close() async
}

extension Image {
    /// Makes a snapshot of the head, as `rbd snap create` does: users of the image that can be asked to hold still must.
    public func createSnapshot(_ name: String) async throws(StoreError) -> Snapshot {
        try await createSnapshot(name, quiesce: .required)
    }
}

/// An image that deltas are made of.
public protocol SourceImage: Image {
    /// How it is laid out in objects.
    var layout: ImageLayout { get }

    /// RBD's feature bits, internal ones included. A store without features says what its images behave like.
    func featureBits() async throws(StoreError) -> UInt64

    /// Makes `removeSnapshot` fail, for everyone, until `unpin`. True when this call made the pin, false when the
    /// snapshot was pinned before. Throws `.notFound` when the id is gone, `.unsupported` when this image's
    /// snapshots can't be pinned.
    func pin(_ snapshot: SnapshotIdentity) async throws(StoreError) -> Bool

    /// Takes the pin away; no error when there is none or the snapshot is gone.
    func unpin(_ snapshot: SnapshotIdentity) async throws(StoreError)

    /// Makes changes one after another, which may be cheaper than each by itself. When one fails, those before it are
    /// made, and those behind it are not.
    func carryOut(_ changes: [SourceChange]) async throws(StoreError)

    /// Takes the right to work on the image for `duration` at most, unless it is renewed. Throws `.locked`, naming the
    /// holder, when another has it; `.notFound` when the image is gone; `.unsupported` for terms that `LeaseTerms` does
    /// not take. Taken again by the same holder through the same store it is renewed, and it is one lease: who releases
    /// it, releases it for both. Another store object is another holder, whatever the text.
    func lease(holder: String, duration: Duration) async throws(StoreError) -> any ImageLease

    /// Opens what turns `base` (nil: nothing) into `target`. Throws `.notFound` when an id is gone.
    func openDelta(
        from base: SnapshotIdentity?, to target: SnapshotIdentity, mode: DiffMode
    ) async throws(StoreError) -> any Delta

    /// What operators should know about lists of changes that are made in this mode, from `base` (nil: from nothing) on.
    func diffWarnings(mode: DiffMode, since base: SnapshotIdentity?) async throws(StoreError) -> [DiffWarning]
}

/// The changed extents of `target` against `base`, and the target's bytes. Both are unchanging while pinned.
public protocol Delta: Sendable {
    /// Size of the target, in bytes. Extents end at or before it.
    var byteCount: UInt64 { get }

    /// Bytes in changed extents, at most, if that can be had cheaply; nil otherwise. For progress only.
    func changedByteCountEstimate() async throws(StoreError) -> UInt64?

    /// The changed extents that lie at or after `offset`, in ascending order, not overlapping, none empty, and all
    /// inside the target. The same extents come whatever the offset was: one that reaches back over `offset` is cut.
    func extents(from offset: UInt64) async throws(StoreError) -> ExtentBatch

    /// Whole objects that may have changed, at or after `offset`, with the same rules as `extents`. Where the store
    /// keeps a map of objects that is far quicker; where it has no objects these are the exact extents.
    func changedObjects(from offset: UInt64) async throws(StoreError) -> ExtentBatch

    /// Reads the target's bytes. `reads` are carried out side by side; each fills the buffer from its position.
    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError)

    /// Lets go of the delta. Waits for operations in flight. Idempotent.
    func close() async
}

/// Part of a delta's list of extents.
public struct ExtentBatch: Sendable, Equatable {
    /// A bounded number of extents; may be empty when a stretch has none.
    public let extents: [ChangedExtent]
    /// Everything before this offset has been listed; where the next batch starts. The target's size at the end.
    public let scannedTo: UInt64

    /// A batch that covers the image up to `scannedTo`.
    public init(extents: [ChangedExtent], scannedTo: UInt64) {
        self.extents = extents
        self.scannedTo = scannedTo
    }
}

/// One entry of what is kept with an image.
public struct ImageMetadata: Hashable, Sendable {
    /// Key.
    public let key: String
    /// Value.
    public let value: String

    /// An entry from its parts.
    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// One read: which bytes of the image go where in a buffer.
public struct BufferRead: Sendable, Equatable {
    /// Bytes of the image.
    public let extent: Extent
    /// Where in the buffer the first of them goes.
    public let position: Int

    /// A read of `extent` to `position`.
    public init(_ extent: Extent, at position: Int) {
        self.extent = extent
        self.position = position
    }
}

extension BufferRead {
    /// Whether what is read fits in a buffer of this size.
    public func fits(in byteCount: Int) -> Bool {
        position >= 0 && position <= byteCount && extent.byteCount <= UInt64(byteCount - position)
    }

    /// What of the read lies in front of `end`, and which part of the buffer stands for what lies behind it. The read
    /// fits in its buffer.
    public func cut(at end: UInt64) -> (inside: BufferRead?, outside: Range<Int>) {
        let inside = extent.clipped(to: end)
        let border = position + Int(inside?.byteCount ?? 0)
        return (inside.map { BufferRead($0, at: position) }, border..<position + Int(extent.byteCount))
    }
}

/// One change to a mirror's head.
public enum MirrorWrite: Sendable, Equatable {
    /// The buffer's bytes in the range go to the image from `offset` on.
    case data(offset: UInt64, range: Range<Int>)
    /// The extent reads as zeros afterwards, to the byte. Takes no space where there was none.
    case zeroes(Extent)

    /// Where it ends in the image; the largest number when that does not fit in 64 bits.
    public var end: UInt64 {
        switch self {
        case .zeroes(let extent): return extent.end
        case .data(let offset, let range):
            let (end, overflows) = offset.addingReportingOverflow(UInt64(range.count))
            return overflows ? .max : end
        }
    }
}

/// An image that deltas are applied to.
public protocol MirrorImage: Image {
    /// Takes the image for ourselves: until `close` nobody else can write to it, or lock it. Throws `.locked`.
    func lock() async throws(StoreError)

    /// Sets the head's size; what a shrink cuts off is gone from the head. Throws `.inconsistent` when the size is
    /// not as asked afterwards.
    func resize(to byteCount: UInt64) async throws(StoreError)

    /// Carries out all of `writes`, side by side; they must not overlap. Returns when all are done. Throws
    /// `.inconsistent` for a write that reaches past the end. After an error any subset may have been done.
    func apply(_ writes: [MirrorWrite], from buffer: DataBuffer) async throws(StoreError)

    /// Reads the head's bytes, with all writes whose `apply` has returned. `reads` are carried out side by side; each
    /// fills the buffer from its position. What lies behind the end reads as zeros.
    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError)

    /// Makes everything applied so far durable.
    func flush() async throws(StoreError)

    /// Makes the head equal to a snapshot, size included. The snapshots stay.
    func rollBack(to snapshot: SnapshotIdentity) async throws(StoreError)

    /// Makes the head all zeros and frees its space; for an image without snapshots.
    func wipe() async throws(StoreError)

    /// Closes and removes the image. Throws `.locked` when it has snapshots or another client has it open.
    func remove() async throws(StoreError)
}
