import FerryCore
import ImageStore

extension CephImage: MirrorImage {
    /// Zeros are written in pieces of this many bytes, so that none keeps librbd busy for long.
    private static let zeroPieceByteCountMax: UInt64 = 128 << 20
    /// Requests that are listed at once.
    private static let requestCountMax = 4096

    func lock() async throws(StoreError) {
        try await perform("lock") { () throws(CephError) in try self.handle.acquireLock() }
    }

    func resize(to byteCount: UInt64) async throws(StoreError) {
        try await perform("resize") { () throws(CephError) in try self.resizeAndCheck(byteCount) }
    }

    private func resizeAndCheck(_ byteCount: UInt64) throws(CephError) {
        guard byteCount <= Limits.imageByteCountMax else {
            throw CephError(.unsupported, "\(byteCount) bytes are more than \(Limits.imageByteCountMax)")
        }
        try handle.resize(to: byteCount)
        try checkHead(byteCount)
    }

    private func checkHead(_ byteCount: UInt64) throws(CephError) {
        let found = try currentHeader().byteCount
        guard found == byteCount else {
            throw CephError(.inconsistent, "its size should be \(byteCount) bytes and is \(found)")
        }
    }

    func apply(_ writes: [MirrorWrite], from buffer: DataBuffer) async throws(StoreError) {
        try await performAsync("write to") { () async throws(CephError) in
            // librbd cuts off what reaches past the end and says nothing; another client may have it shrunk at any
            // time, through us as the lock's owner. So the size is looked at before and after.
            let end = writes.map(\.end).max() ?? 0
            try await self.checkFits(end)
            try await self.carryOut(writes, buffer)
            try await self.checkFits(end)
        }
    }

    /// Requests are made a bounded number at a time: one zero extent can be as large as the image.
    private func carryOut(_ writes: [MirrorWrite], _ buffer: DataBuffer) async throws(CephError) {
        var requests: [RBDRequest] = []
        for write in writes {
            switch write {
            case .data(let offset, let range):
                guard range.lowerBound >= 0, range.upperBound <= buffer.byteCount, offset <= .max / 2 else {
                    throw CephError(.inconsistent, "the range \(range) is not in \(buffer.byteCount) bytes")
                }
                if !range.isEmpty { requests.append(.write(offset: offset, range: range)) }
            case .zeroes(let extent):
                var rest: Extent? = extent
                while let piece = rest?.clipped(to: (rest?.offset ?? 0) + Self.zeroPieceByteCountMax) {
                    requests.append(.writeZeroes(piece))
                    rest = rest?.clipped(from: piece.end)
                    if requests.count >= Self.requestCountMax { try await self.run(&requests, buffer) }
                }
            }
            if requests.count >= Self.requestCountMax { try await self.run(&requests, buffer) }
        }
        try await run(&requests, buffer)
    }

    private func run(_ requests: inout [RBDRequest], _ buffer: DataBuffer) async throws(CephError) {
        try await RBDBatch.run(requests, on: handle, buffer)
        requests.removeAll(keepingCapacity: true)
    }

    /// The head's size, as this handle knows it.
    private func currentByteCount() async throws(CephError) -> UInt64 {
        try await CephThreads.submission.run { () throws(CephError) in try self.handle.byteCount() }
    }

    private func checkFits(_ end: UInt64) async throws(CephError) {
        let byteCount = try await currentByteCount()
        guard end <= byteCount else {
            throw CephError(.inconsistent, "a write up to \(end) reaches past its \(byteCount) bytes")
        }
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await performAsync("read") { () async throws(CephError) in
            let byteCount = try await self.currentByteCount()
            var requests: [RBDRequest] = []
            for read in reads where read.extent.byteCount > 0 {
                guard read.fits(in: buffer.byteCount) else { throw CephError(.inconsistent, "\(read) does not fit") }
                let (inside, outside) = read.cut(at: byteCount)
                buffer.clear(outside)
                if let inside { requests.append(.read(inside.extent, position: inside.position)) }
            }
            try await RBDBatch.run(requests, on: self.handle, buffer)
        }
    }

    func flush() async throws(StoreError) {
        try await performAsync("flush") { () async throws(CephError) in
            try await RBDBatch.run([.flush], on: self.handle)
        }
    }

    func rollBack(to snapshot: SnapshotIdentity) async throws(StoreError) {
        try await perform("roll back to", describe(snapshot)) { () throws(CephError) in
            try self.handle.rollBack(to: try self.agreedName(snapshot.id, self.handle))
            let snapshots = try self.currentHeader().userSnapshots
            guard let found = snapshots.first(where: { $0.identity.id == snapshot.id }) else {
                throw CephError(.notFound, "it was removed meanwhile")
            }
            try self.checkHead(found.byteCount)
        }
    }

    func wipe() async throws(StoreError) {
        try await perform("wipe") { () throws(CephError) in
            let header = try self.currentHeader()
            guard header.snapshots.isEmpty else {
                throw CephError(.unsupported, "it has snapshots", remedy: "roll it back to one instead")
            }
            try self.resizeAndCheck(0)
            try self.resizeAndCheck(header.byteCount)
        }
    }

    func remove() async throws(StoreError) {
        let name = try await perform("remove") { () throws(CephError) in try self.checkRemovable() }
        await close()
        do throws(CephError) {
            try await CephThreads.control.run { () throws(CephError) in try self.pool.remove(name) }
        } catch {
            throw error.about("remove", subject)
        }
    }

    /// The image's name, when it still is this image's and nothing we can see stands in the way. Blocks.
    private func checkRemovable() throws(CephError) -> [CChar] {
        let snapshotCount = try currentHeader().snapshots.count
        guard snapshotCount == 0 else {
            throw CephError(.locked, "it has \(snapshotCount) snapshots", remedy: "remove its snapshots first")
        }
        let name = try handle.name()
        let id = try pool.withMomentary(.name(RBDHandle.string(name))) { image throws(CephError) in try image.id() }
        guard id == identity.image else {
            throw CephError(.notFound, "its name has passed to another image")
        }
        return name
    }
}
