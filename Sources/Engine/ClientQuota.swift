/// How much of a receiver one client may take; nil stands for no bound of its own.
public struct ClientQuota: Sendable, Hashable {
    /// Connections at once.
    public var connectionCountMax: Int?
    /// Mirrors that are there.
    public var imageCountMax: Int?
    /// Sizes of its mirrors' heads together, in bytes, whatever of them is written.
    public var byteCountMax: UInt64?

    /// A quota from its parts; by default there are no bounds.
    public init(connectionCountMax: Int? = nil, imageCountMax: Int? = nil, byteCountMax: UInt64? = nil) {
        self.connectionCountMax = connectionCountMax
        self.imageCountMax = imageCountMax
        self.byteCountMax = byteCountMax
    }

    /// Whether mirrors need to be counted for it.
    var boundsMirrors: Bool { imageCountMax != nil || byteCountMax != nil }

    /// Throws when `count` mirrors with `byteCount` bytes are more than the client may have.
    func check(client: String, imageCount: Int, byteCount: UInt64) throws(QuotaError) {
        if let imageCountMax, imageCount > imageCountMax {
            throw .tooManyImages(client: client, count: imageCount, limit: imageCountMax)
        }
        if let byteCountMax, byteCount > byteCountMax {
            throw .tooManyBytes(client: client, byteCount: byteCount, limit: byteCountMax)
        }
    }
}
