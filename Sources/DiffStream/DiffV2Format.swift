public import FerryCore

/// One *rbd diff v2* by itself. Stock Ceph has v2 diffs only inside `ImageV2Format`.
public struct DiffV2Format: StreamFormat {
    /// What users call it.
    public let name = "v2"
    /// What a stream starts with.
    public let banner = DiffSyntax.v2.banner
    /// A stream is one diff.
    public let isHistory = false
    /// Whether a diff says if its snapshot is protected.
    public let saysProtection = true
    /// How protection records are written.
    public let protectionForm: DiffEncoder.ProtectionForm

    /// The format. Every Ceph reads both forms of a protection record.
    public init(protectionForm: DiffEncoder.ProtectionForm = .length1) {
        self.protectionForm = protectionForm
    }

    /// A decoder at the start of a stream.
    public func makeDecoder(limits: DiffLimits) -> any StreamDecoder { SingleDiffDecoder(.v2, limits: limits) }

    /// Appends nothing: the stream does not describe its image.
    public func appendOpening(_ image: ImageHeader, diffCount: UInt64, to output: inout [UInt8]) {}

    /// Appends banner, `f`, `t`, `p` and `s`, as far as `header` has them; `p` only behind a `t`.
    public func appendDiffOpening(_ header: DiffHeader, to output: inout [UInt8]) {
        DiffEncoder.appendBanner(to: &output)
        if let name = header.fromSnapshot { DiffEncoder.appendFromSnapshot(name, to: &output) }
        if let name = header.toSnapshot {
            DiffEncoder.appendToSnapshot(name, to: &output)
            if let isProtected = header.isProtected {
                DiffEncoder.appendProtection(isProtected, form: protectionForm, to: &output)
            }
        }
        if let byteCount = header.imageByteCount { DiffEncoder.appendImageByteCount(byteCount, to: &output) }
    }

    /// Appends `w` without its data, of which the caller appends exactly `extent.byteCount` bytes.
    public func appendWriteHeader(_ extent: Extent, to output: inout [UInt8]) {
        DiffEncoder.appendWriteHeader(extent, to: &output)
    }

    /// Appends `z`: `extent` holds zeros.
    public func appendZero(_ extent: Extent, to output: inout [UInt8]) {
        DiffEncoder.appendZero(extent, to: &output)
    }

    /// Appends `e`: the diff is complete.
    public func appendEnd(to output: inout [UInt8]) { DiffEncoder.appendEnd(to: &output) }
}
