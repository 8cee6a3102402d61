import CCeph
import Glibc

/// A pool, or a namespace in it, that holds images: one `rados_ioctx_t`.
///
/// Thread rule (why `@unchecked Sendable` holds): the context's settings are made here, before anyone else has it;
/// librbd copies it for every image. It is destroyed when the last image that refers to this object is gone.
final class RadosPool: @unchecked Sendable {
    /// The cluster the pool is in.
    let cluster: RadosCluster
    /// The pool's id, unique in its cluster for ever.
    let id: Int64
    let raw: rados_ioctx_t
    private let namespace: [CChar]?

    /// Opens a pool. Throws `.notFound` for a pool or a namespace that is not there.
    ///
    /// In a full pool, writes then fail with `.noSpace`. Without the setting they would wait for room for ever, and
    /// so would opening an image, because the watch on its header counts as a write.
    ///
    /// Implements: int64_t rados_ioctx_get_id(rados_ioctx_t io); void rados_set_pool_full_try(rados_ioctx_t io);
    init(_ cluster: RadosCluster, pool: String, namespace: String?) throws(CephError) {
        let namespaceName = try namespace.map { name throws(CephError) in try checkedCString(name, "the namespace") }
        raw = try cluster.makeContext(pool: pool)
        self.namespace = namespaceName
        self.cluster = cluster
        id = rados_ioctx_get_id(raw)
        rados_set_pool_full_try(raw)
        if let namespace { try enter(namespace) }
    }

    /// Makes another I/O context for the same place; the caller destroys it while this object is there.
    ///
    /// Implements: void rados_ioctx_set_namespace(rados_ioctx_t io, const char *nspace);
    func makeContext() throws(CephError) -> rados_ioctx_t {
        let context = try cluster.makeContext(poolID: id)
        if let namespace { rados_ioctx_set_namespace(context, namespace) }
        return context
    }

    deinit { rados_ioctx_destroy(raw) }

    /// Implements: int rbd_namespace_exists(rados_ioctx_t io, const char *namespace_name, bool *exists); void
    /// rados_ioctx_set_namespace(rados_ioctx_t io, const char *nspace);
    private func enter(_ namespace: String) throws(CephError) {
        let name = try checkedCString(namespace, "the namespace")
        var exists = false
        try check(rbd_namespace_exists(raw, name, &exists), "rbd_namespace_exists")
        guard exists else { throw CephError(.notFound, "the pool has no namespace \(namespace)") }
        rados_ioctx_set_namespace(raw, name)
    }

    /// The names of all images.
    ///
    /// Implements: int rbd_list2(rados_ioctx_t io, rbd_image_spec_t *images, size_t *max_images);
    func imageNames() throws(CephError) -> [String] {
        var capacity = 256
        for _ in 0..<16 {
            var images = [rbd_image_spec_t](repeating: rbd_image_spec_t(), count: capacity)
            var count = images.count
            let result = rbd_list2(raw, &images, &count)
            guard result != -ERANGE else {
                // Images may be made between the calls, so leave some room.
                capacity = max(count, capacity) + 256
                continue
            }
            try check(result, "rbd_list2")
            defer { rbd_image_spec_list_cleanup(&images, count) }
            return images.prefix(count).compactMap { image in image.name.map { String(cString: $0) } }
        }
        throw CephError(.failed, "the list of images kept growing")
    }

    /// Creates an image.
    ///
    /// Implements: int rbd_create4(rados_ioctx_t io, const char *name, uint64_t size, rbd_image_options_t opts);
    func create(_ name: String, byteCount: UInt64, _ options: ImageOptions) throws(CephError) {
        let name = try checkedCString(name, "the image's name")
        var raw: rbd_image_options_t?
        rbd_image_options_create(&raw)
        guard let raw else { throw CephError(.failed, "rbd_image_options_create gave no options") }
        defer { rbd_image_options_destroy(raw) }
        for (option, value) in options.numbers {
            try check(rbd_image_options_set_uint64(raw, option, value), "rbd_image_options_set_uint64")
        }
        if let dataPool = options.dataPool {
            let pool = try checkedCString(dataPool, "the data pool's name")
            let option = Int32(RBD_IMAGE_OPTION_DATA_POOL)
            try check(rbd_image_options_set_string(raw, option, pool), "rbd_image_options_set_string")
        }
        try check(rbd_create4(self.raw, name, byteCount, raw), "rbd_create4")
    }

    /// Removes an image that no one has open. Throws `.locked` when it has snapshots or a client.
    ///
    /// Implements: int rbd_remove(rados_ioctx_t io, const char *name);
    func remove(_ name: [CChar]) throws(CephError) {
        do throws(CephError) {
            try check(rbd_remove(raw, name), "rbd_remove")
        } catch  where error.number == ENOTEMPTY {
            throw error.asReason(.locked, remedy: "remove its snapshots first")
        } catch  where error.number == ENOENT {
            // librbd moves an image to the trash first, and calls it missing when a full pool has no room for that.
            throw error.asReason(.notFound, remedy: "if it is still there, its pool may be full: make room first")
        }
    }
}
