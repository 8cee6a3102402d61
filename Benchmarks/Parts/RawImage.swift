import CCeph
import Glibc

/// A pool of a cluster that client.admin is connected to.
///
/// Thread rule (why `@unchecked Sendable` holds): librados handles may be used by any thread; they are set once and freed
/// with the last reference.
final class RawPool: @unchecked Sendable {
    private let cluster: rados_t
    fileprivate let context: rados_ioctx_t

    /// Implements: int rados_create2(rados_t *pcluster, const char *const clustername, const char *const name, uint64_t
    /// flags); int rados_connect(rados_t cluster); int rados_ioctx_create(rados_t cluster, const char *pool_name,
    /// rados_ioctx_t *ioctx);
    init(conf: String, pool: String) throws(MeasurementError) {
        var cluster: rados_t?
        try check(rados_create2(&cluster, "ceph", "client.admin", 0), "rados_create2")
        guard let cluster else { throw MeasurementError("rados_create2 gave no handle") }
        var context: rados_ioctx_t?
        do throws(MeasurementError) {
            try check(rados_conf_read_file(cluster, conf), "rados_conf_read_file")
            try check(rados_conf_set(cluster, "rbd_cache", "false"), "rados_conf_set")
            try check(rados_connect(cluster), "rados_connect")
            try check(rados_ioctx_create(cluster, pool, &context), "rados_ioctx_create")
            guard let context else { throw MeasurementError("rados_ioctx_create gave no context") }
            (self.cluster, self.context) = (cluster, context)
        } catch {
            rados_shutdown(cluster)
            throw error
        }
    }

    deinit {
        rados_ioctx_destroy(context)
        rados_shutdown(cluster)
    }
}

/// An open image.
///
/// Thread rule (why `@unchecked Sendable` holds): librbd locks inside; the handle is set once and closed with the last
/// reference, which must not go on one of librbd's threads.
final class RawImage: @unchecked Sendable {
    private let raw: rbd_image_t
    private let pool: RawPool

    /// Opens a snapshot.
    ///
    /// Implements: int rbd_open_read_only(rados_ioctx_t io, const char *name, rbd_image_t *image, const char *snap_name);
    init(reading name: ImageName, in pool: RawPool) throws(MeasurementError) {
        var image: rbd_image_t?
        let result =
            if let snapshot = name.snapshot {
                rbd_open_read_only(pool.context, name.image, &image, snapshot)
            } else {
                rbd_open_read_only(pool.context, name.image, &image, nil)
            }
        try check(result, "rbd_open_read_only")
        guard let image else { throw MeasurementError("librbd gave no image") }
        (raw, self.pool) = (image, pool)
    }

    /// Opens an image's head, and creates it with `byteCount` bytes when it is not there.
    ///
    /// Implements: int rbd_open(rados_ioctx_t io, const char *name, rbd_image_t *image, const char *snap_name); int
    /// rbd_create4(rados_ioctx_t io, const char *name, uint64_t size, rbd_image_options_t opts);
    init(writing name: ImageName, in pool: RawPool, byteCount: UInt64) throws(MeasurementError) {
        var image: rbd_image_t?
        var result = rbd_open(pool.context, name.image, &image, nil)
        if result == -ENOENT {
            try Self.create(name.image, in: pool, byteCount: byteCount)
            result = rbd_open(pool.context, name.image, &image, nil)
        }
        try check(result, "rbd_open")
        guard let image else { throw MeasurementError("librbd gave no image") }
        (raw, self.pool) = (image, pool)
        guard try self.byteCount() >= byteCount else { throw MeasurementError("the target is smaller than the source") }
    }

    /// Implements: int rbd_close(rbd_image_t image);
    deinit { rbd_close(raw) }

    private static func create(_ name: String, in pool: RawPool, byteCount: UInt64) throws(MeasurementError) {
        var options: rbd_image_options_t?
        rbd_image_options_create(&options)
        guard let options else { throw MeasurementError("rbd_image_options_create gave no options") }
        defer { rbd_image_options_destroy(options) }
        try check(rbd_create4(pool.context, name, byteCount, options), "rbd_create4")
    }

    /// Implements: int rbd_get_size(rbd_image_t image, uint64_t *size);
    func byteCount() throws(MeasurementError) -> UInt64 {
        var byteCount: UInt64 = 0
        try check(rbd_get_size(raw, &byteCount), "rbd_get_size")
        return byteCount
    }

    /// What is asked of an image. Memory stays with the caller, who keeps it until the request has ended.
    enum Request {
        case read(offset: UInt64, UnsafeMutableRawBufferPointer)
        case write(offset: UInt64, UnsafeMutableRawBufferPointer)
        case flush
    }

    /// Starts a request; `completed` is called once, on one of librbd's threads, unless this throws.
    ///
    /// Implements: int rbd_aio_create_completion(void *cb_arg, rbd_callback_t complete_cb, rbd_completion_t *c); int
    /// rbd_aio_read2(rbd_image_t image, uint64_t off, size_t len, char *buf, rbd_completion_t c, int op_flags) and its kin.
    func start(_ request: Request, _ completed: @escaping @Sendable (Int) -> Void) throws(MeasurementError) {
        let listener = Unmanaged.passRetained(Listener(completed))
        var completion: rbd_completion_t?
        let created = rbd_aio_create_completion(listener.toOpaque(), Self.completed, &completion)
        guard created == 0, let completion else {
            listener.release()
            throw MeasurementError("rbd_aio_create_completion", Int(created))
        }
        let result = handOver(request, completion)
        guard result >= 0 else {
            rbd_aio_release(completion)
            listener.release()
            throw MeasurementError("rbd_aio_*, when asked to", Int(result))
        }
    }

    private func handOver(_ request: Request, _ completion: rbd_completion_t) -> Int32 {
        let flags = Int32(LIBRADOS_OP_FLAG_FADVISE_SEQUENTIAL | LIBRADOS_OP_FLAG_FADVISE_NOCACHE)
        switch request {
        case .read(let offset, let memory):
            let address = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
            return rbd_aio_read2(raw, offset, memory.count, address, completion, flags)
        case .write(let offset, let memory):
            let address = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
            return rbd_aio_write2(raw, offset, memory.count, address, completion, flags)
        case .flush:
            return rbd_aio_flush(raw, completion)
        }
    }

    private final class Listener: Sendable {
        let completed: @Sendable (Int) -> Void

        init(_ completed: @escaping @Sendable (Int) -> Void) { self.completed = completed }
    }

    /// Implements: ssize_t rbd_aio_get_return_value(rbd_completion_t c); void rbd_aio_release(rbd_completion_t c);
    private static let completed: rbd_callback_t = { completion, argument in
        guard let argument else { return }
        let listener = Unmanaged<Listener>.fromOpaque(argument).takeRetainedValue()
        let result = rbd_aio_get_return_value(completion)
        rbd_aio_release(completion)
        listener.completed(result)
    }
}

private func check(_ result: Int32, _ call: StaticString) throws(MeasurementError) {
    guard result >= 0 else { throw MeasurementError(call, Int(result)) }
}
