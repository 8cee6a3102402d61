/// How an image is laid out in objects. A mirror is created with its source's layout where its store has objects.
public struct ImageLayout: Hashable, Sendable, Codable {
    /// log2 of the object size in bytes; RBD's default is 22 (4 MiB).
    public let objectOrder: UInt8
    /// Stripe unit in bytes; the object size when the image is not striped.
    public let stripeUnitByteCount: UInt64
    /// Objects in a stripe; 1 when the image is not striped.
    public let stripeCount: UInt64

    /// A layout from its parts, as RBD names them.
    public init(objectOrder: UInt8, stripeUnitByteCount: UInt64, stripeCount: UInt64) {
        self.objectOrder = objectOrder
        self.stripeUnitByteCount = stripeUnitByteCount
        self.stripeCount = stripeCount
    }

    /// RBD's default: 4 MiB objects, not striped.
    public static let standard = ImageLayout(objectOrder: 22, stripeUnitByteCount: 1 << 22, stripeCount: 1)

    /// Bytes in an object.
    public var objectByteCount: UInt64 { 1 << UInt64(min(objectOrder, 60)) }

    /// Whether an RBD image can have this layout: orders 12 to 25, a stripe unit that divides the object.
    public var isValid: Bool {
        (12...25).contains(objectOrder) && stripeCount >= 1 && stripeCount <= 1 << 16
            && stripeUnitByteCount >= 512 && stripeUnitByteCount <= objectByteCount
            && objectByteCount % stripeUnitByteCount == 0
    }
}
