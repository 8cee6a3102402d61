import FerryCore
import ImageStore
import Synchronization

/// Finds the changed extents of what a handle shows, a batch at a time.
///
/// The object map tells in milliseconds which objects of a large image changed; exact extents are then asked for
/// inside those only. The result is the same as asking for exact extents everywhere, which is what happens when
/// there is no object map to trust. Runs of changed objects are kept between batches, a bounded number of them.
final class ChangeScan: Sendable {
    /// The snapshot that is compared with.
    struct Base: Sendable {
        let id: UInt64
        /// librbd wants a name, as C knows it; it is looked at again after each use.
        let name: [CChar]
    }

    /// What is scanned.
    struct Range: Sendable {
        /// nil: nothing, so that everything that is there is a change.
        let base: Base?
        /// The snapshot that the handle shows; nil for the head.
        let targetID: UInt64?
        /// Size of what the handle shows.
        let byteCount: UInt64
        /// Object size times stripe count.
        let periodByteCount: UInt64
    }

    /// Threads that ask for exact extents at the same time.
    private static let askerCount = 4

    private let handle: RBDHandle
    private let range: Range
    /// Whether the object map can be trusted; turns false for good when it fails us.
    private let usesObjectMap: Mutex<Bool>
    private let found: Mutex<ChangedRuns?>
    /// Whether the object map has told which objects to look into, or not to.
    private let hasAnswer = Mutex(false)

    init(_ handle: RBDHandle, _ range: Range, usesObjectMap: Bool) {
        self.handle = handle
        self.range = range
        self.usesObjectMap = Mutex(usesObjectMap)
        found = Mutex(nil)
    }

    /// The changed extents at or after `offset`, as far as one batch goes. A snapshot that is removed meanwhile does
    /// not make librbd's answers fail, it makes them wrong: whoever asks looks afterwards whether all is still there.
    func batch(from offset: UInt64) async throws(CephError) -> ExtentBatch {
        guard offset < range.byteCount else { return ExtentBatch(extents: [], scannedTo: range.byteCount) }
        let next = ScanPieces(await runs(at: offset), from: offset)
        let extents = try await exactExtents(next.groups(Self.askerCount))
        return ExtentBatch(extents: extents, scannedTo: next.scannedTo)
    }

    /// Objects that a batch lists at most.
    private static let objectCountMax = 1 << 16

    /// Changed objects at or after `offset`, as librbd lists them; the same warning holds.
    func objects(from offset: UInt64) async throws(CephError) -> ExtentBatch {
        guard offset < range.byteCount else { return ExtentBatch(extents: [], scannedTo: range.byteCount) }
        return try await CephThreads.control.run { () throws(CephError) in try self.listObjects(from: offset) }
    }

    private func listObjects(from offset: UInt64) throws(CephError) -> ExtentBatch {
        let start = offset - offset % range.periodByteCount
        let extent = Extent(offset: start, byteCount: range.byteCount - start)
        var extents: [ChangedExtent] = []
        var scannedTo = range.byteCount
        var isOrdered = true
        try handle.forEachChange(query(extent, wholeObjects: true)) { change in
            // Against nothing, zeros are no change.
            guard change.content == .data || range.base != nil else { return true }
            guard let inside = change.extent.clipped(from: offset)?.clipped(to: range.byteCount) else { return true }
            isOrdered = isOrdered && inside.offset >= extents.last?.extent.end ?? 0
            guard extents.count < Self.objectCountMax else {
                scannedTo = inside.offset
                return false
            }
            extents.append(ChangedExtent(inside, change.content))
            return true
        }
        guard isOrdered else { throw CephError(.inconsistent, "librbd lists its objects out of order") }
        hasAnswer.withLock { $0 = true }
        return ExtentBatch(extents: extents, scannedTo: scannedTo)
    }

    /// Whether the object map is asked.
    var trustsObjectMap: Bool { usesObjectMap.withLock(\.self) }

    /// Whether something that was listed, or will be, rests on the object map, which must be right all the time then; also
    /// when it has failed us since.
    var restsOnObjectMap: Bool { hasAnswer.withLock(\.self) || trustsObjectMap }

    /// Bytes in changed objects; nil when only an exact scan could tell.
    func changedByteCountEstimate() async -> UInt64? {
        guard usesObjectMap.withLock(\.self), range.byteCount > 0 else {
            return range.byteCount == 0 ? 0 : nil
        }
        guard let runs = await CephThreads.control.run({ self.changedObjects(from: 0, stopsWhenFull: false) }) else {
            return nil
        }
        return runs.byteCount
    }

    /// Runs of objects that may have changed, known from `offset` on for some stretch.
    private func runs(at offset: UInt64) async -> ChangedRuns {
        if let runs = found.withLock(\.self), runs.start <= offset, offset < runs.end { return runs }
        if usesObjectMap.withLock(\.self) {
            let start = offset - offset % range.periodByteCount
            let runs = await CephThreads.control.run { self.changedObjects(from: start, stopsWhenFull: true) }
            if let runs { return runs }
        }
        return everything
    }

    /// All of the image as one run: what we ask about when we know nothing.
    private var everything: ChangedRuns {
        var runs = ChangedRuns(from: 0, to: range.byteCount, periodByteCount: range.periodByteCount)
        _ = runs.append(Extent(offset: 0, byteCount: range.byteCount))
        return runs
    }

    /// Asks the object map; nil when that failed, after which it is not asked again. The exact questions that
    /// follow meet the same error if it was more than the object map's.
    private func changedObjects(from start: UInt64, stopsWhenFull: Bool) -> ChangedRuns? {
        var runs = ChangedRuns(from: start, to: range.byteCount, periodByteCount: range.periodByteCount)
        let extent = Extent(offset: start, byteCount: range.byteCount - start)
        do throws(CephError) {
            try handle.forEachChange(query(extent, wholeObjects: true)) { change in
                let hasRoom = runs.append(change.extent)
                return hasRoom || !stopsWhenFull
            }
        } catch {
            usesObjectMap.withLock { $0 = false }
            return nil
        }
        guard runs.isOrdered else {
            usesObjectMap.withLock { $0 = false }
            return nil
        }
        found.withLock { $0 = runs }
        hasAnswer.withLock { $0 = true }
        return runs
    }

    private func query(_ extent: Extent, wholeObjects: Bool) -> RBDHandle.ChangeQuery {
        RBDHandle.ChangeQuery(
            base: range.base?.name, extent: extent, includesParent: range.base == nil, wholeObjects: wholeObjects)
    }

    private func exactExtents(_ groups: [ArraySlice<Extent>]) async throws(CephError) -> [ChangedExtent] {
        let results = await withTaskGroup(of: (Int, Result<[ChangedExtent], CephError>).self) { tasks in
            for (index, group) in groups.enumerated() {
                tasks.addTask { (index, await self.exactExtents(group)) }
            }
            return await tasks.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        var extents: [ChangedExtent] = []
        for index in groups.indices {
            extents += try results[index]?.get() ?? []
        }
        return extents
    }

    private func exactExtents(_ pieces: ArraySlice<Extent>) async -> Result<[ChangedExtent], CephError> {
        await CephThreads.control.run {
            var extents: [ChangedExtent] = []
            do throws(CephError) {
                for piece in pieces { try self.appendExactExtents(piece, to: &extents) }
                return .success(extents)
            } catch {
                return .failure(error)
            }
        }
    }

    private func appendExactExtents(_ piece: Extent, to extents: inout [ChangedExtent]) throws(CephError) {
        try handle.forEachChange(query(piece, wholeObjects: false)) { change in
            // Against nothing, zeros are no change.
            guard change.content == .data || range.base != nil else { return true }
            guard let inside = change.extent.clipped(to: range.byteCount) else { return true }
            extents.append(ChangedExtent(inside, change.content))
            return true
        }
    }
}
