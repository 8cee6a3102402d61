import CCeph
import FerryCore
import ImageStore

/// One open image: an `rbd_image_t`. All calls block and belong on `CephThreads`, but for those of `RBDBatch`.
///
/// Thread rule (why `@unchecked Sendable` holds): librbd locks inside, so calls on one handle may run on several
/// threads at once, with two exceptions. `setSnapshot` changes what the handle shows, and is called before the
/// handle is shared. `close` frees it, and is called once, when no other call is running: `OperationGate` sees to
/// that for handles that are shared.
final class RBDHandle: @unchecked Sendable {
    /// How an image is opened.
    enum Access {
        /// With a watch on its header, so that the handle follows what other clients do to the image. The watch of
        /// a client that was killed stays for 30 s, in which every change to the image waits for its answer.
        case watching
        /// Without: shows the header as it is at this moment. A snapshot that is removed meanwhile reads as zeros,
        /// with no error, so what was read counts only if the snapshot is still there by its id afterwards.
        case momentary
    }

    /// Which image to open.
    enum Key {
        case name(String)
        case id(String)
    }

    let raw: rbd_image_t
    private let pool: RadosPool
    private let access: Access
    private var isClosed = false

    /// Opens the head of an image. Throws `.notFound` when there is none.
    ///
    /// Implements: int rbd_open(rados_ioctx_t io, const char *name, rbd_image_t *image, const char *snap_name), and
    /// its kin rbd_open_by_id, rbd_open_read_only, rbd_open_by_id_read_only.
    init(_ pool: RadosPool, _ key: Key, _ access: Access) throws(CephError) {
        var image: rbd_image_t?
        switch (key, access) {
        case (.name(let name), .watching):
            try check(rbd_open(pool.raw, try checkedCString(name, "the name"), &image, nil), "rbd_open")
        case (.name(let name), .momentary):
            let name = try checkedCString(name, "the name")
            try check(rbd_open_read_only(pool.raw, name, &image, nil), "rbd_open_read_only")
        case (.id(let id), .watching):
            try check(rbd_open_by_id(pool.raw, try checkedCString(id, "the id"), &image, nil), "rbd_open_by_id")
        case (.id(let id), .momentary):
            let id = try checkedCString(id, "the id")
            try check(rbd_open_by_id_read_only(pool.raw, id, &image, nil), "rbd_open_by_id_read_only")
        }
        guard let image else { throw CephError(.failed, "librbd gave no image") }
        raw = image
        self.pool = pool
        self.access = access
        try settleParent()
    }

    /// Waits until librbd is done with opening the parent of what the handle shows, if there is one. To be called whenever
    /// that changes, before anything else; see `CompletionThreads`.
    func settleParent() throws(CephError) {
        // One that can't be asked may have one.
        guard (try? parentOverlapByteCount()) != 0 else { return }
        guard access == .watching, try features().contains(.journaling) else {
            return pool.cluster.completionThreads.settle(pool.raw, raw)
        }
        // librbd takes the exclusive lock from its owner for any read of this one: another handle stands in for it.
        try pool.withMomentary(.id(try id())) { (_) throws(CephError) in }
    }

    // Its owner should have closed it, where blocking does no harm. An open image must not outlive its pool, though.
    deinit { if !isClosed { close() } }

    /// Frees the handle, and the exclusive lock if it has it. Nothing can be done about a failure: the handle is
    /// gone all the same, and what was written was flushed by who cared.
    ///
    /// Implements: int rbd_close(rbd_image_t image);
    func close() {
        assert(!isClosed, "an image is closed once")
        isClosed = true
        rbd_close(raw)
    }

    /// The image's id, the same for as long as it exists.
    ///
    /// Implements: int rbd_get_id(rbd_image_t image, char *id, size_t id_len);
    func id() throws(CephError) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        try check(rbd_get_id(raw, &buffer, buffer.count), "rbd_get_id")
        return Self.string(buffer)
    }

    /// What the image is called now.
    ///
    /// Implements: int rbd_get_name(rbd_image_t image, char *name, size_t *name_len);
    func name() throws(CephError) -> [CChar] {
        var buffer = [CChar](repeating: 0, count: Limits.nameByteCountMax + 1)
        var length = buffer.count
        try check(rbd_get_name(raw, &buffer, &length), "rbd_get_name")
        return buffer
    }

    /// Size in bytes of what the handle shows, the head or a snapshot.
    ///
    /// Implements: int rbd_get_size(rbd_image_t image, uint64_t *size);
    func byteCount() throws(CephError) -> UInt64 {
        var byteCount: UInt64 = 0
        try check(rbd_get_size(raw, &byteCount), "rbd_get_size")
        guard byteCount <= Limits.imageByteCountMax else {
            throw CephError(.unsupported, "its \(byteCount) bytes are more than \(Limits.imageByteCountMax)")
        }
        return byteCount
    }

    /// Implements: int rbd_get_features(rbd_image_t image, uint64_t *features);
    func features() throws(CephError) -> ImageFeatures {
        var features: UInt64 = 0
        try check(rbd_get_features(raw, &features), "rbd_get_features")
        return ImageFeatures(rawValue: features)
    }

    /// Whether the object map of what the handle shows can be trusted.
    ///
    /// Implements: int rbd_get_flags(rbd_image_t image, uint64_t *flags);
    func hasValidObjectMap() throws(CephError) -> Bool {
        var flags: UInt64 = 0
        try check(rbd_get_flags(raw, &flags), "rbd_get_flags")
        return flags & UInt64(RBD_FLAG_OBJECT_MAP_INVALID | RBD_FLAG_FAST_DIFF_INVALID) == 0
    }

    /// Bytes from the start of what the handle shows that come from a parent where the image has no object.
    ///
    /// Implements: int rbd_get_overlap(rbd_image_t image, uint64_t *overlap);
    func parentOverlapByteCount() throws(CephError) -> UInt64 {
        var byteCount: UInt64 = 0
        try check(rbd_get_overlap(raw, &byteCount), "rbd_get_overlap")
        return byteCount
    }

    /// Implements: int rbd_stat(rbd_image_t image, rbd_image_info_t *info, size_t infosize); int
    /// rbd_get_stripe_unit(rbd_image_t image, uint64_t *stripe_unit); int rbd_get_stripe_count(rbd_image_t image,
    /// uint64_t *stripe_count);
    func layout() throws(CephError) -> ImageLayout {
        var info = rbd_image_info_t()
        var unit: UInt64 = 0
        var count: UInt64 = 0
        try check(rbd_stat(raw, &info, MemoryLayout<rbd_image_info_t>.size), "rbd_stat")
        try check(rbd_get_stripe_unit(raw, &unit), "rbd_get_stripe_unit")
        try check(rbd_get_stripe_count(raw, &count), "rbd_get_stripe_count")
        let layout = ImageLayout(
            objectOrder: UInt8(clamping: info.order), stripeUnitByteCount: unit, stripeCount: count)
        guard layout.isValid else { throw CephError(.inconsistent, "its layout makes no sense: \(layout)") }
        return layout
    }

    /// The text in a buffer that C filled, up to its NUL.
    static func string(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension RadosPool {
    /// Opens an image without a watch for as long as `body` runs.
    ///
    /// This is how "read afresh" is kept: an open image learns of changes by notifications, and one that got lost
    /// would leave it with yesterday's snapshots. Opening reads the header from the cluster, a few round trips.
    func withMomentary<Result>(
        _ key: RBDHandle.Key, _ body: (RBDHandle) throws(CephError) -> Result
    ) throws(CephError) -> Result {
        let handle = try RBDHandle(self, key, .momentary)
        defer { handle.close() }
        return try body(handle)
    }
}
