/// The tags of standard records, as Ceph writes them.
public enum DiffTag {
    /// `f`: the snapshot that the diff starts from.
    public static let fromSnapshot = UInt8(ascii: "f")
    /// `t`: the snapshot that the diff leads to.
    public static let toSnapshot = UInt8(ascii: "t")
    /// `p`: whether that snapshot is protected.
    public static let protection = UInt8(ascii: "p")
    /// `s`: the image's size at the end of the diff.
    public static let imageByteCount = UInt8(ascii: "s")
    /// `w`: bytes to write.
    public static let write = UInt8(ascii: "w")
    /// `z`: a stretch of zeros.
    public static let zero = UInt8(ascii: "z")
    /// `e`: the end, a bare tag.
    public static let end = UInt8(ascii: "e")
}
