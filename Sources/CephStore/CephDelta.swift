import FerryCore
import ImageStore
import Synchronization

/// A delta between two snapshots of an image in Ceph, with a handle of its own at the target.
final class CephDelta: Delta {
    let byteCount: UInt64
    private let pool: RadosPool
    private let imageID: String
    private let baseID: UInt64?
    private let targetID: UInt64
    private let handle: RBDHandle
    private let scan: ChangeScan
    private let subject: String
    private let gate = OperationGate()
    private let headerVersion: HeaderVersion
    /// The version of the image's header at which the snapshots were there, and the object map was right; nil: not known.
    private let trueVersion: Mutex<UInt64?>

    /// Opens a delta. Blocks. Throws `.notFound` when a snapshot is gone.
    init(
        _ pool: RadosPool, imageID: String, _ headerVersion: HeaderVersion, subject: String, layout: ImageLayout,
        from baseID: UInt64?, to targetID: UInt64, mode: DiffMode
    ) throws(CephError) {
        self.headerVersion = headerVersion
        trueVersion = Mutex(headerVersion.current())
        let usesObjectMap = try pool.withMomentary(.id(imageID)) { image throws(CephError) in
            _ = try image.userSnapshotName(targetID)
            if let baseID { _ = try image.userSnapshotName(baseID) }
            guard baseID ?? 0 <= targetID else {
                throw CephError(.unsupported, "the base is newer than the target")
            }
            return mode == .hybrid ? try image.canTrustObjectMap(from: baseID, to: targetID) : false
        }
        // Without a watch: whoever uses a delta pins its snapshots, and looks them up again after the last read.
        let handle = try RBDHandle(pool, .id(imageID), .momentary)
        self.handle = handle
        self.pool = pool
        self.imageID = imageID
        self.baseID = baseID
        self.targetID = targetID
        do throws(CephError) {
            let base = try baseID.map { id throws(CephError) in
                ChangeScan.Base(id: id, name: try handle.userSnapshotName(id))
            }
            try handle.setSnapshot(targetID)
            byteCount = try handle.byteCount()
            let range = ChangeScan.Range(
                base: base, targetID: targetID, byteCount: byteCount, periodByteCount: layout.periodByteCount)
            scan = ChangeScan(handle, range, usesObjectMap: usesObjectMap)
        } catch {
            handle.close()
            throw error
        }
        self.subject = subject
    }

    func changedByteCountEstimate() async throws(StoreError) -> UInt64? {
        try await perform("estimate changes of") { () async throws(CephError) in
            await self.scan.changedByteCountEstimate()
        }
    }

    func extents(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try await list("find changes of") { () async throws(CephError) in try await self.scan.batch(from: offset) }
    }

    func changedObjects(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try await list("find changed objects of") { () async throws(CephError) in
            // Without a map that can be trusted, librbd would list too little, or take long for too much.
            self.scan.trustsObjectMap
                ? try await self.scan.objects(from: offset) : try await self.scan.batch(from: offset)
        }
    }

    /// A batch that still counts when it has been listed.
    private func list(
        _ operation: String, _ body: () async throws(CephError) -> ExtentBatch
    ) async throws(StoreError) -> ExtentBatch {
        try await perform(operation) { () async throws(CephError) in
            let batch = try await body()
            try await CephThreads.control.run { () throws(CephError) in try self.checkStillTrue() }
            return batch
        }
    }

    /// Throws when a snapshot is gone, or the object map that was believed can't be trusted any more: the list was wrong
    /// then. Blocks.
    private func checkStillTrue() throws(CephError) {
        let version = headerVersion.current()
        guard version == nil || version != trueVersion.withLock({ $0 }) else { return }
        try checkStillTrueAfresh()
        trueVersion.withLock { $0 = version }
    }

    private func checkStillTrueAfresh() throws(CephError) {
        try pool.withMomentary(.id(imageID)) { image throws(CephError) in
            _ = try image.userSnapshotName(targetID)
            if let baseID { _ = try image.userSnapshotName(baseID) }
            guard scan.restsOnObjectMap else { return }
            guard try image.canTrustObjectMap(from: baseID, to: targetID) else {
                throw CephError(.unavailable, "its object map became invalid meanwhile")
            }
        }
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await perform("read") { () async throws(CephError) in
            var requests: [RBDRequest] = []
            for read in reads where read.extent.byteCount > 0 {
                try self.checkRange(read, buffer)
                requests.append(.read(read.extent, position: read.position))
            }
            try await RBDBatch.run(requests, on: self.handle, buffer)
        }
    }

    func close() async {
        await gate.close {
            await CephThreads.control.run { self.handle.close() }
        }
    }

    private func checkRange(_ read: BufferRead, _ buffer: DataBuffer) throws(CephError) {
        guard read.extent.end <= byteCount else {
            throw CephError(.inconsistent, "a read up to \(read.extent.end) of \(byteCount) bytes was asked for")
        }
        guard read.fits(in: buffer.byteCount) else {
            throw CephError(
                .inconsistent,
                "\(read.extent.byteCount) bytes do not fit at \(read.position) in \(buffer.byteCount)")
        }
    }

    private func perform<Result: Sendable>(
        _ operation: String, _ body: () async throws(CephError) -> Result
    ) async throws(StoreError) -> Result {
        do throws(CephError) {
            return try await gate.run(body)
        } catch {
            throw error.about(operation, subject)
        }
    }
}

extension ImageLayout {
    /// Bytes after which the pattern of stripes begins anew.
    var periodByteCount: UInt64 { objectByteCount * stripeCount }
}
