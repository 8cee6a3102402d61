import CCeph
import FerryCore
import Glibc
import ImageStore

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

    /// Entries that are asked for at once.
    private static let metadataPageCount: UInt64 = 64

    /// All metadata, in ascending order of key.
    func allMetadata() throws(CephError) -> [ImageMetadata] {
        var entries: [ImageMetadata] = []
        var byteCount = 0
        while true {
            let page = try metadataPage(after: entries.last?.key ?? "")
            guard !page.isEmpty else { return entries }
            byteCount += page.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
            guard byteCount <= Limits.imageMetadataByteCountMax else {
                throw CephError(.unsupported, "it has more than \(Limits.imageMetadataByteCountMax) bytes of metadata")
            }
            entries += page
        }
    }

    /// The next entries after a key; none at the end. librbd gives each list as strings that end with a NUL.
    ///
    /// Implements: int rbd_metadata_list(rbd_image_t image, const char *start, uint64_t max, char *keys, size_t
    /// *key_len, char *values, size_t *vals_len);
    private func metadataPage(after key: String) throws(CephError) -> [ImageMetadata] {
        let start = try checkedCString(key, "the key")
        var (keysByteCount, valuesByteCount) = (4096, 4096)
        while max(keysByteCount, valuesByteCount) <= Limits.imageMetadataByteCountMax {
            var keys = [CChar](repeating: 0, count: keysByteCount)
            var values = [CChar](repeating: 0, count: valuesByteCount)
            let result = rbd_metadata_list(
                raw, start, Self.metadataPageCount, &keys, &keysByteCount, &values, &valuesByteCount)
            if result == -ERANGE {
                // Entries may grow between the calls.
                (keysByteCount, valuesByteCount) = (keysByteCount + 4096, valuesByteCount + 4096)
                continue
            }
            try check(result, "rbd_metadata_list")
            return try Self.metadata(keys.prefix(keysByteCount), values.prefix(valuesByteCount))
        }
        throw CephError(.unsupported, "its metadata is longer than \(Limits.imageMetadataByteCountMax) bytes")
    }

    private static func metadata(
        _ keys: ArraySlice<CChar>, _ values: ArraySlice<CChar>
    ) throws(CephError) -> [ImageMetadata] {
        // Each string ends with a NUL, so what comes behind the last one is no string.
        let keys = keys.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        let values = values.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        guard keys.count == values.count else {
            throw CephError(.inconsistent, "\(keys.count) keys of metadata have \(values.count) values")
        }
        var entries: [ImageMetadata] = []
        for (key, value) in zip(keys, values) {
            guard let keyText = text(key), let valueText = text(value) else {
                throw CephError(.unsupported, "its metadata is not UTF-8 text (key \(string(Array(key) + [0])))")
            }
            entries.append(ImageMetadata(key: keyText, value: valueText))
        }
        return entries
    }

    private static func text(_ characters: ArraySlice<CChar>) -> String? {
        String(validating: characters.map(UInt8.init(bitPattern:)), as: UTF8.self)
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
