/// A pool, or a RADOS namespace in it.
public struct CephPlace: Hashable, Sendable, CustomStringConvertible {
    /// The pool.
    public var pool: String
    /// The RADOS namespace; nil for the default one.
    public var namespace: String?

    /// A place from its parts.
    public init(pool: String, namespace: String? = nil) {
        self.pool = pool
        self.namespace = namespace
    }

    /// Reads `POOL` or `POOL/NAMESPACE`; nil when the text is neither.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), !parts.contains("") else { return nil }
        self.init(pool: parts[0], namespace: parts.count == 2 ? parts[1] : nil)
    }

    /// `POOL` or `POOL/NAMESPACE`.
    public var description: String { namespace.map { "\(pool)/\($0)" } ?? pool }
}
