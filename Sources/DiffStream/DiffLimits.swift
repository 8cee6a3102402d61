import FerryCore

/// What a decoder takes from a stream before it calls the stream damaged.
public struct DiffLimits: Hashable, Sendable {
    /// Longest snapshot name, metadata key or metadata value, in bytes.
    public var nameByteCountMax = Limits.nameByteCountMax
    /// Largest image, in bytes.
    public var imageByteCountMax = Limits.imageByteCountMax
    /// Most data in one `w` record, in bytes. The decoder holds none of it.
    public var writeByteCountMax: UInt64
    /// Longest unknown record that is passed over, in bytes. What is longer is damage, not a newer format.
    public var skippedByteCountMax = UInt64(Limits.controlByteCountMax)
    /// Most diffs in a history; bounds the names that are held. No cluster bears that many snapshots of an image.
    public var diffCountMax = 16_384

    /// For records that a peer sends.
    public static let wire = DiffLimits(writeByteCountMax: UInt64(Limits.writeByteCountMax))
    /// For stream files: stock Ceph writes records of up to a whole stripe period.
    public static let file = DiffLimits(writeByteCountMax: Limits.imageByteCountMax)

    /// The usual limits, with `w` records of at most `writeByteCountMax` bytes of data.
    public init(writeByteCountMax: UInt64) {
        self.writeByteCountMax = writeByteCountMax
    }
}
