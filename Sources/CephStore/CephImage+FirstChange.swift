import FerryCore
import ImageStore

extension CephImage {
    func firstChange(since snapshot: SnapshotIdentity?) async throws(StoreError) -> Extent? {
        let subject = snapshot.map { "\(self.subject) since \($0)" } ?? self.subject
        return try await performAsync("look for changes of", subject) { () async throws(CephError) in
            for _ in 0..<3 {
                let (version, handle) = try await CephThreads.control.run { () throws(CephError) in
                    (self.headerVersion.current(), try RBDHandle(self.pool, .id(self.identity.image), .momentary))
                }
                let outcome: Result<HeadAnswer, CephError>
                do throws(CephError) {
                    outcome = .success(try await self.firstChange(since: snapshot?.id, handle, version))
                } catch {
                    outcome = .failure(error)
                }
                await CephThreads.control.run { handle.close() }
                let answer = try outcome.get()
                if answer.isTrue { return answer.change }
            }
            throw CephError(.unavailable, "its snapshots or its size changed again and again meanwhile")
        }
    }

    /// What a look at the head found, and whether nothing happened meanwhile that makes librbd's answer wrong.
    private struct HeadAnswer {
        let change: Extent?
        let isTrue: Bool
    }

    /// `version`: the header's, before `handle` was opened.
    private func firstChange(
        since baseID: UInt64?, _ handle: RBDHandle, _ version: UInt64?
    ) async throws(CephError) -> HeadAnswer {
        let (scan, sizeChange) = try await CephThreads.control.run { () throws(CephError) in
            try self.headScan(since: baseID, handle)
        }
        let first = try await firstDifference(scan, since: baseID, head: handle)
        let isTrue = try await CephThreads.control.run { () throws(CephError) in
            if let version, self.headerVersion.current() == version { return true }
            return try self.isUnchanged(since: handle, baseID, scan.0.trustsObjectMap)
        }
        let changes = [first, sizeChange].compactMap(\.self)
        return HeadAnswer(change: changes.min { $0.offset < $1.offset }, isTrue: isTrue)
    }

    /// Whether snapshots and size are as they were when `handle` was opened, and the object map is as good. Blocks.
    private func isUnchanged(
        since handle: RBDHandle, _ baseID: UInt64?, _ trustsObjectMap: Bool
    ) throws(CephError) -> Bool {
        let before = try handle.allSnapshots().map(\.snapshot.identity.id)
        let byteCount = try handle.byteCount()
        return try afresh { image throws(CephError) in
            let after = try image.allSnapshots().map(\.snapshot.identity.id)
            guard after == before, try image.byteCount() == byteCount else { return false }
            guard trustsObjectMap else { return true }
            return try image.canTrustObjectMap(from: baseID, to: nil)
        }
    }

    /// librbd tells what was written, which may be what was there before: after a roll back it still lists all that was
    /// rolled back. So bytes are compared, up to the first that differs.
    private func firstDifference(
        _ scan: (scan: ChangeScan, byteCount: UInt64), since baseID: UInt64?, head: RBDHandle
    ) async throws(CephError) -> Extent? {
        let comparison = HeadComparison(pool, imageID: identity.image, head: head, baseID: baseID)
        let outcome: Result<Extent?, CephError>
        do throws(CephError) {
            outcome = .success(try await firstDifference(scan, comparison))
        } catch {
            outcome = .failure(error)
        }
        await comparison.close()
        return try outcome.get()
    }

    private func firstDifference(
        _ scan: (scan: ChangeScan, byteCount: UInt64), _ comparison: HeadComparison
    ) async throws(CephError) -> Extent? {
        var offset: UInt64 = 0
        while offset < scan.byteCount {
            // Comparing what was rolled back may take long.
            guard !Task.isCancelled else { throw CephError(.unavailable, "it was interrupted") }
            let batch = try await scan.scan.batch(from: offset)
            for changed in batch.extents {
                if let difference = try await comparison.firstDifference(in: changed.extent) { return difference }
            }
            offset = batch.scannedTo
        }
        return nil
    }

    private func headScan(
        since baseID: UInt64?, _ handle: RBDHandle
    ) throws(CephError) -> ((ChangeScan, UInt64), sizeChange: Extent?) {
        let base = try baseID.map { id throws(CephError) in
            ChangeScan.Base(id: id, name: try handle.userSnapshotName(id))
        }
        let byteCount = try handle.byteCount()
        let before = try handle.userSnapshots().first { $0.identity.id == baseID }?.byteCount ?? byteCount
        let sizeChange = Extent(
            offset: min(before, byteCount), byteCount: max(before, byteCount) - min(before, byteCount))
        let range = ChangeScan.Range(
            base: base, targetID: nil, byteCount: byteCount, periodByteCount: layout.periodByteCount)
        // Trust is looked up with a handle of its own, because that moves it from snapshot to snapshot.
        let usesObjectMap = try afresh { image throws(CephError) in
            try image.canTrustObjectMap(from: baseID, to: nil)
        }
        let scan = ChangeScan(handle, range, usesObjectMap: usesObjectMap)
        return ((scan, byteCount), sizeChange.byteCount > 0 ? sizeChange : nil)
    }
}
