import FerryCore

/// Encodes what stands around diffs in `rbd image v2`, the form that `rbd import --export-format 2` takes.
public enum ImageEnvelopeEncoder {
    /// Appends all that precedes the first diff. Then come `diffCount` diffs, each with its banner, and nothing more.
    ///
    /// `rbd export` writes oldest snapshot first, and last a diff to the head, which names no snapshot it leads to.
    /// `rbd import` does not ask for that last one.
    public static func append(_ header: ImageHeader, diffCount: UInt64, to output: inout [UInt8]) {
        output.append(banner: ImageEnvelopeTag.headerBanner)
        appendNumber(header.order, tag: ImageEnvelopeTag.order, to: &output)
        appendNumber(header.features, tag: ImageEnvelopeTag.features, to: &output)
        appendNumber(header.stripeUnit, tag: ImageEnvelopeTag.stripeUnit, to: &output)
        appendNumber(header.stripeCount, tag: ImageEnvelopeTag.stripeCount, to: &output)
        for entry in header.metadata { appendMetadata(entry, to: &output) }
        output.append(ImageEnvelopeTag.end)
        output.append(banner: ImageEnvelopeTag.diffsBanner)
        output.append(littleEndian: diffCount)
    }

    private static func appendNumber(_ number: UInt64, tag: UInt8, to output: inout [UInt8]) {
        DiffEncoder.appendTag(tag, byteCount: 8, to: &output)
        output.append(littleEndian: number)
    }

    private static func appendMetadata(_ entry: ImageHeader.Metadata, to output: inout [UInt8]) {
        let byteCount = 8 + UInt64(entry.key.utf8.count) + UInt64(entry.value.utf8.count)
        DiffEncoder.appendTag(ImageEnvelopeTag.metadata, byteCount: byteCount, to: &output)
        output.append(lengthAndText: entry.key)
        output.append(lengthAndText: entry.value)
    }
}

/// Banners and tags of `rbd image v2`.
enum ImageEnvelopeTag {
    static let headerBanner: StaticString = "rbd image v2\n"
    static let diffsBanner: StaticString = "rbd image diffs v2\n"
    static let order = UInt8(ascii: "O")
    static let features = UInt8(ascii: "T")
    static let stripeUnit = UInt8(ascii: "U")
    static let stripeCount = UInt8(ascii: "C")
    static let metadata = UInt8(ascii: "M")
    static let end = UInt8(ascii: "E")
}
