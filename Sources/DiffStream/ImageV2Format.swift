public import FerryCore

/// *rbd image v2*: an image and its history, what `rbd export --export-format 2` writes and `rbd import` takes.
public struct ImageV2Format: StreamFormat {
    /// What users call it.
    public let name = "image-v2"
    /// What a stream starts with.
    public let banner = ImageEnvelopeTag.headerBanner
    /// A stream holds any number of diffs.
    public let isHistory = true
    /// Whether a diff says if its snapshot is protected.
    public let saysProtection = true

    private let diffs: DiffV2Format

    /// The format. Every Ceph reads both forms of a protection record.
    public init(protectionForm: DiffEncoder.ProtectionForm = .length1) {
        diffs = DiffV2Format(protectionForm: protectionForm)
    }

    /// A decoder at the start of a stream.
    public func makeDecoder(limits: DiffLimits) -> any StreamDecoder { ImageEnvelopeDecoder(limits: limits) }

    /// Appends all that precedes the first diff's banner.
    public func appendOpening(_ image: ImageHeader, diffCount: UInt64, to output: inout [UInt8]) {
        ImageEnvelopeEncoder.append(image, diffCount: diffCount, to: &output)
    }

    /// Appends banner, `f`, `t`, `p` and `s`, as far as `header` has them; `p` only behind a `t`.
    public func appendDiffOpening(_ header: DiffHeader, to output: inout [UInt8]) {
        diffs.appendDiffOpening(header, to: &output)
    }

    /// Appends `w` without its data, of which the caller appends exactly `extent.byteCount` bytes.
    public func appendWriteHeader(_ extent: Extent, to output: inout [UInt8]) {
        diffs.appendWriteHeader(extent, to: &output)
    }

    /// Appends `z`: `extent` holds zeros.
    public func appendZero(_ extent: Extent, to output: inout [UInt8]) { diffs.appendZero(extent, to: &output) }

    /// Appends `e`: the diff is complete.
    public func appendEnd(to output: inout [UInt8]) { diffs.appendEnd(to: &output) }
}
