import CCeph
import Synchronization

/// Asks for the version of an image's header object. Every change to the image's snapshots, their protection, its size, its
/// features or the flags of its object maps raises it: while it stays, all of those do. Our own metadata and the renewal of a
/// lease raise it, too.
///
/// One round trip, where opening the image takes ten; and a clone takes its parent along.
///
/// Thread rule (why `@unchecked Sendable` holds): the context remembers the version of its last operation, so nothing else
/// uses it, and it is used under the lock only. The lock is held while the cluster answers, by threads that may block.
final class HeaderVersion: @unchecked Sendable {
    private let pool: RadosPool
    private let object: [CChar]
    private let context: rados_ioctx_t
    private let lock = Mutex(())

    /// For the image with this id.
    init(_ pool: RadosPool, imageID: String) throws(CephError) {
        object = try checkedCString("rbd_header.\(imageID)", "the header's name")
        context = try pool.makeContext()
        self.pool = pool
    }

    deinit { rados_ioctx_destroy(context) }

    /// The version now; nil when it can't be had, and then the image itself tells why. Blocks.
    ///
    /// Implements: int rados_stat(rados_ioctx_t io, const char *o, uint64_t *psize, time_t *pmtime); uint64_t
    /// rados_get_last_version(rados_ioctx_t io);
    func current() -> UInt64? {
        lock.withLock { _ in
            var byteCount: UInt64 = 0
            var time = 0
            guard rados_stat(context, object, &byteCount, &time) == 0 else { return nil }
            return rados_get_last_version(context)
        }
    }
}
