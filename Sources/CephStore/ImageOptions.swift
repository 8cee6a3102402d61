import CCeph
import ImageStore

/// How an image is created.
struct ImageOptions {
    /// Options of librbd with numbers for values.
    let numbers: [(option: Int32, value: UInt64)]
    /// The pool for its data, when that is another.
    let dataPool: String?

    /// RBD keeps no object map for an image of more objects (MAX_OBJECT_MAP_OBJECT_COUNT).
    private static let objectMapObjectCountMax: UInt64 = 256_000_000

    /// Options for an image of a layout and a size.
    init(_ layout: ImageLayout, byteCount: UInt64, dataPool: String?) {
        var numbers: [(Int32, UInt64)] = [
            (Int32(RBD_IMAGE_OPTION_ORDER), UInt64(layout.objectOrder)),
            (Int32(RBD_IMAGE_OPTION_FEATURES), Self.features(layout, byteCount)),
        ]
        if layout.stripeCount != 1 || layout.stripeUnitByteCount != layout.objectByteCount {
            numbers.append((Int32(RBD_IMAGE_OPTION_STRIPE_UNIT), layout.stripeUnitByteCount))
            numbers.append((Int32(RBD_IMAGE_OPTION_STRIPE_COUNT), layout.stripeCount))
        }
        self.numbers = numbers
        self.dataPool = dataPool
    }

    private static func features(_ layout: ImageLayout, _ byteCount: UInt64) -> UInt64 {
        let always = ImageFeatures.layering.union(.exclusiveLock).union(.deepFlatten)
        let fitsObjectMap = byteCount / layout.objectByteCount < objectMapObjectCountMax
        return (fitsObjectMap ? always.union(.objectMap).union(.fastDiff) : always).rawValue
    }
}

/// The features of an image that matter to us.
struct ImageFeatures: OptionSet {
    let rawValue: UInt64

    static let layering = ImageFeatures(rawValue: ImageFeatureBits.layering)
    static let exclusiveLock = ImageFeatures(rawValue: ImageFeatureBits.exclusiveLock)
    static let objectMap = ImageFeatures(rawValue: ImageFeatureBits.objectMap)
    static let fastDiff = ImageFeatures(rawValue: ImageFeatureBits.fastDiff)
    static let deepFlatten = ImageFeatures(rawValue: ImageFeatureBits.deepFlatten)
    static let journaling = ImageFeatures(rawValue: ImageFeatureBits.journaling)
}
