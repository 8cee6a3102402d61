import FerryCore
import ImageStore

/// What others may change of an image at any time, as the cluster had it when this was read.
struct ImageHeader: Sendable {
    /// All snapshots, in ascending order of id.
    let snapshots: [RBDHandle.AnySnapshot]
    /// Size of the head, in bytes.
    let byteCount: UInt64
    /// Features, internal ones included.
    let features: ImageFeatures

    /// Reads it from a handle that was opened just now.
    init(_ handle: RBDHandle) throws(CephError) {
        snapshots = try handle.allSnapshots()
        byteCount = try handle.byteCount()
        features = try handle.features()
    }

    /// The user's snapshots, in ascending order of id.
    var userSnapshots: [Snapshot] { snapshots.filter(\.isUsers).map(\.snapshot) }
}

extension CephImage {
    /// The header as it is now: what was read before, while its version is the same, or read anew. Blocks. Throws
    /// `.notFound` when the image is gone.
    func currentHeader() throws(CephError) -> ImageHeader {
        let version = headerVersion.current()
        if let version, let known = knownHeader.withLock({ $0 }), known.version == version { return known.header }
        let header = try afresh { image throws(CephError) in try ImageHeader(image) }
        // One that was changed while it was read is of no version.
        if let version, headerVersion.current() == version { knownHeader.withLock { $0 = (version, header) } }
        return header
    }
}
