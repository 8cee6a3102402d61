public import FerryCore

/// *rbd diff v1*: what `rbd export-diff` writes and `rbd import-diff` takes. It can't tell whether a snapshot is
/// protected.
public struct DiffV1Format: StreamFormat {
    /// What users call it.
    public let name = "v1"
    /// What a stream starts with.
    public let banner = DiffSyntax.v1.banner
    /// A stream is one diff.
    public let isHistory = false
    /// Whether a diff says if its snapshot is protected.
    public let saysProtection = false

    /// The format.
    public init() {}

    /// A decoder at the start of a stream.
    public func makeDecoder(limits: DiffLimits) -> any StreamDecoder { SingleDiffDecoder(.v1, limits: limits) }

    /// Appends nothing: the stream does not describe its image.
    public func appendOpening(_ image: ImageHeader, diffCount: UInt64, to output: inout [UInt8]) {}

    /// Appends banner, `f`, `t` and `s`, as far as `header` has them.
    public func appendDiffOpening(_ header: DiffHeader, to output: inout [UInt8]) {
        output.append(banner: banner)
        if let name = header.fromSnapshot { appendName(name, tag: DiffTag.fromSnapshot, to: &output) }
        if let name = header.toSnapshot { appendName(name, tag: DiffTag.toSnapshot, to: &output) }
        if let byteCount = header.imageByteCount {
            output.append(DiffTag.imageByteCount)
            output.append(littleEndian: byteCount)
        }
    }

    /// Appends `w` without its data, of which the caller appends exactly `extent.byteCount` bytes.
    public func appendWriteHeader(_ extent: Extent, to output: inout [UInt8]) {
        appendExtent(extent, tag: DiffTag.write, to: &output)
    }

    /// Appends `z`: `extent` holds zeros.
    public func appendZero(_ extent: Extent, to output: inout [UInt8]) {
        appendExtent(extent, tag: DiffTag.zero, to: &output)
    }

    /// Appends `e`: the diff is complete.
    public func appendEnd(to output: inout [UInt8]) { output.append(DiffTag.end) }

    private func appendName(_ name: String, tag: UInt8, to output: inout [UInt8]) {
        output.append(tag)
        output.append(lengthAndText: name)
    }

    private func appendExtent(_ extent: Extent, tag: UInt8, to output: inout [UInt8]) {
        output.append(tag)
        output.append(littleEndian: extent.offset)
        output.append(littleEndian: extent.byteCount)
    }
}
