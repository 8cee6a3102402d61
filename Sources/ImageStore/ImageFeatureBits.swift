/// RBD's feature bits that a copy of an image can have. Source: include/rbd/features.h.
public enum ImageFeatureBits {
    /// Snapshots can be protected and cloned.
    public static let layering: UInt64 = 1 << 0
    /// One client at a time writes.
    public static let exclusiveLock: UInt64 = 1 << 2
    /// Which objects exist is known without asking for each.
    public static let objectMap: UInt64 = 1 << 3
    /// Which objects changed between two snapshots is known from their maps.
    public static let fastDiff: UInt64 = 1 << 4
    /// Flattening goes through the snapshots.
    public static let deepFlatten: UInt64 = 1 << 5
    /// What is written is in a journal first.
    public static let journaling: UInt64 = 1 << 6

    /// What images have that are made without saying more.
    public static let usual = layering | exclusiveLock | objectMap | fastDiff | deepFlatten
}
