/// Where images live in Ceph, and as whom we come.
public struct CephLocation: Sendable, Hashable {
    /// Path of the cluster's `ceph.conf`, which names its monitors and our keyring.
    public var confPath: String
    /// The Ceph user, without `client.`.
    public var user: String
    /// The pool that holds the images.
    public var pool: String
    /// The RADOS namespace inside the pool; nil for the default one.
    public var namespace: String?
    /// The pool that takes the data of images created here, for erasure coding; nil for `pool` itself.
    public var dataPool: String?

    /// A location from its parts.
    public init(
        confPath: String, user: String, pool: String, namespace: String? = nil, dataPool: String? = nil
    ) {
        self.confPath = confPath
        self.user = user
        self.pool = pool
        self.namespace = namespace
        self.dataPool = dataPool
    }

    /// `pool` or `pool/namespace`, as messages name it.
    var spec: String {
        namespace.map { "\(pool)/\($0)" } ?? pool
    }
}
