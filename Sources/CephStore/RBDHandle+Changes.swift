import CCeph
import FerryCore
import Glibc

extension RBDHandle {
    /// How changes are looked for.
    struct ChangeQuery {
        /// Name of the user's snapshot to compare with, as C knows it; nil: with nothing.
        let base: [CChar]?
        /// Where to look.
        let extent: Extent
        /// Whether bytes that a clone has from its parent count; only asked when there is no base.
        let includesParent: Bool
        /// Whole objects, from the object map where it can be trusted; else exact extents.
        let wholeObjects: Bool
    }

    /// A callback's context: the body, and whether it wants no more.
    private struct Listener {
        let body: (ChangedExtent) -> Bool
        var isDone = false
    }

    /// Calls `body` for each change, ascending, on this thread, until it returns false. What the handle shows is
    /// compared with the query's base.
    ///
    /// Implements: int rbd_diff_iterate2(rbd_image_t image, const char *fromsnapname, uint64_t ofs, uint64_t len,
    /// uint8_t include_parent, uint8_t whole_object, int (*cb)(uint64_t, size_t, int, void *), void *arg);
    func forEachChange(
        _ query: ChangeQuery, _ body: (ChangedExtent) -> Bool
    ) throws(CephError) {
        // librbd 16 aborts the process when it is asked about nothing with whole objects.
        guard query.extent.byteCount > 0 else { return }
        let (result, isDone) = withoutActuallyEscaping(body) { body in
            var listener = Listener(body: body)
            let result = withUnsafeMutablePointer(to: &listener) { listener in
                rbd_diff_iterate2(
                    raw, query.base, query.extent.offset, query.extent.byteCount, query.includesParent ? 1 : 0,
                    query.wholeObjects ? 1 : 0, Self.noteChange, listener)
            }
            return (result, listener.isDone)
        }
        if isDone { return }
        try check(result, "rbd_diff_iterate2")
    }

    /// librbd may go on calling after it was told to stop; what comes then is dropped.
    private static let noteChange: @convention(c) (UInt64, Int, Int32, UnsafeMutableRawPointer?) -> Int32 = {
        offset, byteCount, exists, listener in
        guard let listener = listener?.assumingMemoryBound(to: Listener.self) else { return -EINVAL }
        guard !listener.pointee.isDone else { return -ECANCELED }
        guard byteCount > 0, let extent = Extent(untrustedOffset: offset, byteCount: UInt64(byteCount)) else {
            return byteCount == 0 ? 0 : -EINVAL
        }
        listener.pointee.isDone = !listener.pointee.body(ChangedExtent(extent, exists != 0 ? .data : .zero))
        return listener.pointee.isDone ? -ECANCELED : 0
    }
}
