import CCeph
import Glibc

extension RBDHandle {
    /// Longest metadata value that is taken from an image, in bytes.
    private static let metadataByteCountMax = 1 << 20

    /// A metadata value, read from the cluster; nil when the key was never set.
    ///
    /// Implements: int rbd_metadata_get(rbd_image_t image, const char *key, char *value, size_t *val_len);
    func metadata(_ key: [CChar]) throws(CephError) -> String? {
        var length = 4096
        while length <= Self.metadataByteCountMax {
            var value = [CChar](repeating: 0, count: length)
            var needed = length
            let result = rbd_metadata_get(raw, key, &value, &needed)
            if result == -ENOENT { return nil }
            if result != -ERANGE {
                try check(result, "rbd_metadata_get")
                return Self.string(value)
            }
            length = max(needed + 1, length * 2)
        }
        throw CephError(.unsupported, "its value is longer than \(Self.metadataByteCountMax) bytes")
    }

    /// Implements: int rbd_metadata_set(rbd_image_t image, const char *key, const char *value);
    func setMetadata(_ key: [CChar], to value: [CChar]) throws(CephError) {
        try check(rbd_metadata_set(raw, key, value), "rbd_metadata_set")
    }

    /// Implements: int rbd_metadata_remove(rbd_image_t image, const char *key);
    func removeMetadata(_ key: [CChar]) throws(CephError) {
        let result = rbd_metadata_remove(raw, key)
        if result == -ENOENT { return }
        try check(result, "rbd_metadata_remove")
    }

    /// Takes the exclusive lock and keeps it; other writers get an error instead of a turn.
    ///
    /// Implements: int rbd_lock_acquire(rbd_image_t image, rbd_lock_mode_t lock_mode);
    func acquireLock() throws(CephError) {
        guard try features().contains(.exclusiveLock) else {
            throw CephError(
                .unsupported, "it lacks the feature exclusive-lock",
                remedy: "run `rbd feature enable IMAGE exclusive-lock` for it, then again")
        }
        try check(rbd_lock_acquire(raw, RBD_LOCK_MODE_EXCLUSIVE), "rbd_lock_acquire")
    }

    /// Implements: int rbd_resize2(rbd_image_t image, uint64_t size, bool allow_shrink, librbd_progress_fn_t cb,
    /// void *cbdata);
    func resize(to byteCount: UInt64) throws(CephError) {
        try check(rbd_resize2(raw, byteCount, true, ignoreProgress, nil), "rbd_resize2")
    }
}
