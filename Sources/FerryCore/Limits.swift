/// Every bound on what a peer, a file or a cluster may make us hold, in one place.
public enum Limits {
    /// Largest image we take on, in bytes (1 EiB): leaves room so that sums of offsets never overflow.
    public static let imageByteCountMax: UInt64 = 1 << 60
    /// Longest image or snapshot name, in UTF-8 bytes. Stock `rbd import-diff` takes 4096 for snapshots.
    public static let nameByteCountMax = 4096
    /// Data bytes that one `w` record carries on the wire.
    public static let writeByteCountMax = 1 << 20
    /// A block is closed when its content reaches this many bytes.
    public static let blockContentByteCountTarget = 1 << 20
    /// Largest content of one block: the target, one whole record more, and the records that open a stream.
    public static let blockContentByteCountMax = 2 * (1 << 20) + 16 * 1024
    /// Largest block record payload: content that zstd could not shrink, its bound, and the block's header.
    public static let blockPayloadByteCountMax = blockContentByteCountMax + blockContentByteCountMax / 128 + 1024
    /// Standard records in one block; bounds the bookkeeping of one block, not its bytes.
    public static let blockRecordCountMax = 1 << 16
    /// Largest control record payload, in bytes.
    public static let controlByteCountMax = 256 * 1024
    /// Metadata of one image, keys and values together, in bytes.
    public static let imageMetadataByteCountMax = 4 << 20
    /// Snapshots that an offer lists, newest first.
    public static let offeredSnapshotCountMax = 1024
    /// Bytes of names in an offer's list of snapshots; the whole offer stays below `controlByteCountMax`.
    public static let offeredNameByteCountMax = 64 * 1024
    /// Bytes that one leaf of a digest tree stands for.
    public static let digestLeafByteCount: UInt64 = 4 << 20
    /// The finest stretch that is digested by itself, in bytes: how narrowly a difference is told.
    public static let digestGrainByteCountMin: UInt64 = 64 << 10
    /// Bytes of the image that one question for digests may be about.
    public static let digestQueryByteCountMax: UInt64 = 256 << 20
    /// Extents in one question for digests.
    public static let digestQueryExtentCountMax = 256
    /// Digests in one answer.
    public static let digestCountMax = 4096
    /// Questions for digests that may be open on one connection.
    public static let digestQueryCountMax = 4
    /// Differing extents that are told and kept one by one; of more only the sum is known.
    public static let differingExtentCountMax = 256
    /// Longest text taken over from elsewhere for people to read, in Unicode scalars.
    public static let printableScalarCountMax = 1000
    /// Zeros shorter than this, or not aligned to it, travel as data.
    public static let zeroGranuleByteCount = 4096
}
