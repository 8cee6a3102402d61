public import FerryCore

/// Encodes *rbd diff v2*, appending to the caller's bytes.
public enum DiffEncoder {
    /// What a protection record states as its length. The payload is one byte in both.
    public enum ProtectionForm: UInt64, Sendable {
        /// As Ceph writes since Quincy. Every Ceph reads both.
        case length1 = 1
        /// As Ceph writes up to Pacific.
        case length8 = 8
    }

    /// Bytes of a `w` record in front of its data.
    public static let writeHeaderByteCount = 25
    /// Bytes of a `z` record.
    public static let zeroByteCount = 25

    /// Appends the line that a diff starts with in a file.
    public static func appendBanner(to output: inout [UInt8]) {
        output.append(banner: DiffSyntax.v2.banner)
    }

    /// Appends `f`: the diff starts from snapshot `name`.
    public static func appendFromSnapshot(_ name: String, to output: inout [UInt8]) {
        appendName(name, tag: DiffTag.fromSnapshot, to: &output)
    }

    /// Appends `t`: the diff leads to snapshot `name`.
    public static func appendToSnapshot(_ name: String, to output: inout [UInt8]) {
        appendName(name, tag: DiffTag.toSnapshot, to: &output)
    }

    /// Appends `p`: whether the snapshot that the diff leads to is protected.
    public static func appendProtection(
        _ isProtected: Bool, form: ProtectionForm = .length1, to output: inout [UInt8]
    ) {
        appendTag(DiffTag.protection, byteCount: form.rawValue, to: &output)
        output.append(isProtected ? 1 : 0)
    }

    /// Appends `s`: the image has `byteCount` bytes at the end of the diff.
    public static func appendImageByteCount(_ byteCount: UInt64, to output: inout [UInt8]) {
        appendTag(DiffTag.imageByteCount, byteCount: 8, to: &output)
        output.append(littleEndian: byteCount)
    }

    /// Appends a `w` record without its data, of which the caller appends exactly `extent.byteCount` bytes.
    public static func appendWriteHeader(_ extent: Extent, to output: inout [UInt8]) {
        precondition(extent.byteCount <= UInt64.max - 16, "a write record's length has 64 bits")
        appendExtent(extent, tag: DiffTag.write, byteCount: 16 + extent.byteCount, to: &output)
    }

    /// Appends `z`: `extent` holds zeros.
    public static func appendZero(_ extent: Extent, to output: inout [UInt8]) {
        appendExtent(extent, tag: DiffTag.zero, byteCount: 16, to: &output)
    }

    /// Appends `e`: the diff is complete.
    public static func appendEnd(to output: inout [UInt8]) {
        output.append(DiffTag.end)
    }

    static func appendTag(_ tag: UInt8, byteCount: UInt64, to output: inout [UInt8]) {
        output.append(tag)
        output.append(littleEndian: byteCount)
    }

    private static func appendName(_ name: String, tag: UInt8, to output: inout [UInt8]) {
        appendTag(tag, byteCount: 4 + UInt64(name.utf8.count), to: &output)
        output.append(lengthAndText: name)
    }

    private static func appendExtent(_ extent: Extent, tag: UInt8, byteCount: UInt64, to output: inout [UInt8]) {
        appendTag(tag, byteCount: byteCount, to: &output)
        output.append(littleEndian: extent.offset)
        output.append(littleEndian: extent.byteCount)
    }
}

extension [UInt8] {
    /// Appends a text's length in four bytes, and the text.
    mutating func append(lengthAndText text: String) {
        append(littleEndian: UInt32(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    /// Appends the bytes of a banner line.
    mutating func append(banner: StaticString) {
        banner.withUTF8Buffer { append(contentsOf: $0) }
    }
}
