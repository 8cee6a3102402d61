import CCeph

/// A connection to a cluster: one `rados_t`.
///
/// Thread rule (why `@unchecked Sendable` holds): librados handles may be used by any number of threads at once;
/// the handle is set once, and shut down when the last pool and image that refer to this object are gone.
final class RadosCluster: @unchecked Sendable {
    /// The cluster's fsid.
    let fsid: String
    /// Where what comes from the cluster is handled.
    let completionThreads = CompletionThreads()
    fileprivate let raw: rados_t

    /// Settings that hold for us whatever `ceph.conf` and the monitors say.
    ///
    /// `rados_osd_op_timeout` is not among them: a write that times out makes librbd mark object maps invalid.
    private static let settings: [(name: String, value: String)] = [
        // A write is done when it is durable, not when it is in our memory.
        ("rbd_cache", "false"),
        // A dead cluster is an error within half a minute, not a hang.
        ("client_mount_timeout", "20"),
        ("rados_mon_op_timeout", "30"),
        // To read a clone is not to write to it, and takes no lock.
        ("rbd_clone_copy_on_read", "false"),
        ("librados_thread_count", "\(CompletionThreads.count)"),
        // What went wrong comes back as an error; the libraries' own lines would tear the progress display.
        ("log_to_stderr", "false"),
        ("err_to_stderr", "false"),
    ]

    /// Connects as a user. Blocks for up to about 20 s when the cluster does not answer.
    ///
    /// Implements: int rados_create2(rados_t *pcluster, const char *const clustername, const char *const name,
    /// uint64_t flags); int rados_conf_read_file(rados_t cluster, const char *path); int rados_connect(rados_t
    /// cluster);
    init(confPath: String, user: String) throws(CephError) {
        let name = try checkedCString("client." + user, "the user")
        let path = try checkedCString(confPath, "the path of ceph.conf")
        var handle: rados_t?
        try check(rados_create2(&handle, "ceph", name, 0), "rados_create2")
        guard let handle else { throw CephError(.failed, "rados_create2 gave no handle") }
        do throws(CephError) {
            try Self.configure(handle, path)
            try Self.connect(handle)
            fsid = try Self.readFsid(handle)
        } catch {
            rados_shutdown(handle)
            throw error
        }
        raw = handle
    }

    deinit { rados_shutdown(raw) }

    private static func configure(_ handle: rados_t, _ path: [CChar]) throws(CephError) {
        try check(rados_conf_read_file(handle, path), "rados_conf_read_file")
        for setting in settings {
            try check(rados_conf_set(handle, setting.name, setting.value), "rados_conf_set")
        }
    }

    private static func connect(_ handle: rados_t) throws(CephError) {
        do throws(CephError) {
            try check(rados_connect(handle), "rados_connect")
        } catch  where error.reason == .notFound {
            throw error.asReason(.notPermitted, remedy: "put the user's keyring where ceph.conf's `keyring` points")
        } catch  where error.reason == .notPermitted {
            throw error.asReason(.notPermitted, remedy: "check that the user exists and its keyring has its key")
        }
    }

    /// Implements: int rados_cluster_fsid(rados_t cluster, char *buf, size_t len);
    private static func readFsid(_ handle: rados_t) throws(CephError) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        let length = try check(rados_cluster_fsid(handle, &buffer, buffer.count), "rados_cluster_fsid")
        return String(decoding: buffer.prefix(Int(length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Makes an I/O context for a pool; the caller destroys it.
    ///
    /// Implements: int rados_ioctx_create(rados_t cluster, const char *pool_name, rados_ioctx_t *ioctx);
    func makeContext(pool: String) throws(CephError) -> rados_ioctx_t {
        let name = try checkedCString(pool, "the pool's name")
        var context: rados_ioctx_t?
        try check(rados_ioctx_create(raw, name, &context), "rados_ioctx_create")
        guard let context else { throw CephError(.failed, "rados_ioctx_create gave no context") }
        return context
    }

    /// The same for a pool's id.
    ///
    /// Implements: int rados_ioctx_create2(rados_t cluster, int64_t pool_id, rados_ioctx_t *ioctx);
    func makeContext(poolID: Int64) throws(CephError) -> rados_ioctx_t {
        var context: rados_ioctx_t?
        try check(rados_ioctx_create2(raw, poolID, &context), "rados_ioctx_create2")
        guard let context else { throw CephError(.failed, "rados_ioctx_create2 gave no context") }
        return context
    }
}
