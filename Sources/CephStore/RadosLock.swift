import CCeph
import Glibc
import ImageStore

/// A lock on a RADOS object, kept and timed by the object's OSD. It belongs to a cookie of a connection (`rados_t`):
/// the same cookie of another connection is another holder.
struct RadosLock: Sendable {
    private let pool: RadosPool
    private let object: [CChar]
    private let name: [CChar]
    private let cookie: [CChar]

    /// The lock `name` on `object`, for the holder `cookie`.
    init(_ pool: RadosPool, object: String, name: String, cookie: String) throws(CephError) {
        self.pool = pool
        self.object = try checkedCString(object, "the object's name")
        self.name = try checkedCString(name, "the lock's name")
        self.cookie = try checkedCString(cookie, "the holder's name")
    }

    /// Takes the lock, or renews it when this holder has it. Blocks. False when another has it.
    func take(for duration: Duration) throws(CephError) -> Bool {
        let result = lock(duration, UInt8(LIBRADOS_LOCK_FLAG_MAY_RENEW))
        if result == -EBUSY { return false }
        try check(result, "rados_lock_exclusive")
        return true
    }

    /// Renews the lock. Blocks. False when this holder does not have it; it is not taken then.
    func renew(for duration: Duration) throws(CephError) -> Bool {
        let result = lock(duration, UInt8(LIBRADOS_LOCK_FLAG_MUST_RENEW))
        if result == -ENOENT { return false }
        try check(result, "rados_lock_exclusive")
        return true
    }

    /// Implements: int rados_lock_exclusive(rados_ioctx_t io, const char *oid, const char *name, const char *cookie,
    /// const char *desc, struct timeval *duration, uint8_t flags);
    private func lock(_ duration: Duration, _ flags: UInt8) -> CInt {
        let (seconds, attoseconds) = duration.components
        var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        return rados_lock_exclusive(pool.raw, object, name, cookie, cookie, &time, flags)
    }

    /// Lets go of the lock; no error when this holder does not have it. Blocks.
    ///
    /// Implements: int rados_unlock(rados_ioctx_t io, const char *o, const char *name, const char *cookie);
    func release() throws(CephError) {
        let result = rados_unlock(pool.raw, object, name, cookie)
        if result == -ENOENT { return }
        try check(result, "rados_unlock")
    }

    /// The cookie of who has the lock now; nil when nobody does. Blocks.
    ///
    /// Implements: ssize_t rados_list_lockers(rados_ioctx_t io, const char *o, const char *name, int *exclusive, char
    /// *tag, size_t *tag_len, char *clients, size_t *clients_len, char *cookies, size_t *cookies_len, char *addrs,
    /// size_t *addrs_len);
    func holder() throws(CephError) -> String? {
        var isExclusive: CInt = 0
        for byteCount in [1024, 16_384, 262_144] {
            var (tag, tagByteCount) = ([CChar](repeating: 0, count: byteCount), byteCount)
            var (clients, clientsByteCount) = (tag, byteCount)
            var (cookies, cookiesByteCount) = (tag, byteCount)
            var (addresses, addressesByteCount) = (tag, byteCount)
            let result = rados_list_lockers(
                pool.raw, object, name, &isExclusive, &tag, &tagByteCount, &clients, &clientsByteCount, &cookies,
                &cookiesByteCount, &addresses, &addressesByteCount)
            if result == -ERANGE { continue }
            if result == -ENOENT { return nil }
            return try check(result, "rados_list_lockers") == 0 ? nil : RBDHandle.string(cookies)
        }
        throw CephError(.failed, "the list of a lock's holders is too long")
    }
}
