/// What `rbd image v2` says of an image before its diffs. It has no size: each diff has its own.
public struct ImageHeader: Hashable, Sendable {
    /// One entry of image metadata.
    public struct Metadata: Hashable, Sendable {
        /// Key. Keys that start with `conf_` change how librbd treats the image.
        public var key: String
        /// Value.
        public var value: String

        /// An entry from its parts.
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// Objects have 2^order bytes.
    public var order: UInt64
    /// Feature bits, internal ones included.
    public var features: UInt64
    /// Stripe unit in bytes.
    public var stripeUnit: UInt64
    /// Objects that one stripe spans.
    public var stripeCount: UInt64
    /// Metadata, in the order of the stream.
    public var metadata: [Metadata]

    /// A header from its parts.
    public init(
        order: UInt64, features: UInt64, stripeUnit: UInt64, stripeCount: UInt64, metadata: [Metadata] = []
    ) {
        self.order = order
        self.features = features
        self.stripeUnit = stripeUnit
        self.stripeCount = stripeCount
        self.metadata = metadata
    }
}
