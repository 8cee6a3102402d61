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
    /// Longest text taken over from elsewhere for people to read, in Unicode scalars.
    public static let printableScalarCountMax = 1000
    /// Zeros shorter than this, or not aligned to it, travel as data.
    public static let zeroGranuleByteCount = 4096
}
