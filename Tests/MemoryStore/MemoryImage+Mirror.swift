import FerryCore
import ImageStore

extension MemoryImage {
    func lock() async throws(StoreError) {
        try await change(.lock, "lock") { _ in }
    }

    /// Changes the head; takes the lock first unless we have it, as librbd does.
    private func change<Result: Sendable>(
        _ operation: MemoryOperation, _ verb: String,
        _ body: @Sendable (inout MemoryImageState) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await perform(operation, verb) { image throws(StoreError) in
            guard image.lockHolder == nil || image.lockHolder == handle else {
                throw StoreError(.locked, verb, subject, detail: "another handle holds it")
            }
            image.lockHolder = handle
            return try body(&image)
        }
    }

    func resize(to byteCount: UInt64) async throws(StoreError) {
        try await change(.resize, "resize") { image in
            image.head.resize(to: byteCount)
            image.durableHead.resize(to: byteCount)
        }
    }

    func apply(_ writes: [MirrorWrite], from buffer: DataBuffer) async throws(StoreError) {
        try await change(.apply, "write to") { image throws(StoreError) in
            for write in writes { try check(write, against: image.head.byteCount, buffer) }
        }
        for write in writes {
            let extent = write.extent
            try await change(.write(extent), "write to") { image in
                switch write {
                case .data(_, let range): image.head.write(buffer.bytes(in: range)[...], at: extent.offset)
                case .zeroes: image.head.zero(extent)
                }
            }
        }
    }

    private func check(
        _ write: MirrorWrite, against byteCount: UInt64, _ buffer: DataBuffer
    ) throws(StoreError) {
        if case .data(_, let range) = write, range.lowerBound < 0 || range.upperBound > buffer.byteCount {
            throw StoreError(.inconsistent, "write to", subject, detail: "\(range) of \(buffer.byteCount) bytes")
        }
        guard write.extent.end <= byteCount else {
            throw StoreError(
                .inconsistent, "write to", subject, detail: "\(write.extent) reaches past the end at \(byteCount)")
        }
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try await perform(.readHead, "read") { image throws(StoreError) in
            for read in reads {
                guard read.fits(in: buffer.byteCount) else {
                    throw StoreError(.inconsistent, "read", subject, detail: "\(read) does not fit in its buffer")
                }
                image.head.read(read.extent, into: buffer.unsafeBytes, at: read.position)
            }
        }
    }

    func flush() async throws(StoreError) {
        let isDone = !store.flaws.contains(.flushDoesNothing)
        try await change(.flush, "flush") { image in
            if isDone { image.durableHead = image.head }
        }
    }

    func rollBack(to snapshot: SnapshotIdentity) async throws(StoreError) {
        try await change(.rollBack, "roll back") { image throws(StoreError) in
            guard let found = image.snapshot(snapshot) else { throw missing(snapshot, "roll back to") }
            image.head = found.contents
            image.durableHead = found.contents
        }
    }

    func wipe() async throws(StoreError) {
        try await change(.wipe, "wipe") { image in
            image.head = SparseBytes(byteCount: image.head.byteCount)
            image.durableHead = image.head
        }
    }

    func firstChange(since snapshot: SnapshotIdentity?) async throws(StoreError) -> Extent? {
        let looksClean = store.flaws.contains(.headsLookClean)
        return try await perform(.firstChange, "look for changes of") { image throws(StoreError) in
            if looksClean { return nil }
            guard let snapshot else { return image.head.changedExtents(since: nil).first?.extent }
            guard let base = image.snapshot(snapshot)?.contents else {
                throw missing(snapshot, "look for changes since")
            }
            if let first = image.head.changedExtents(since: base).first { return first.extent }
            let sizes = [base.byteCount, image.head.byteCount].sorted()
            return sizes[0] == sizes[1] ? nil : Extent(offset: sizes[0], byteCount: sizes[1] - sizes[0])
        }
    }

    func remove() async throws(StoreError) {
        try await store.before(.remove, name)
        try store.state.withLock { state throws(StoreError) in
            guard let image = state.images[identity.image] else {
                throw StoreError(.notFound, "remove", subject, detail: "the image is gone")
            }
            let others = image.openHandles.subtracting([handle])
            guard image.snapshots.isEmpty, others.isEmpty else {
                throw StoreError(
                    .locked, "remove", subject,
                    detail: "it has \(image.snapshots.count) snapshots and \(others.count) other open handles")
            }
            state.images[identity.image] = nil
            state.idsByName = state.idsByName.filter { $0.value != identity.image }
        }
    }
}

extension MirrorWrite {
    /// The stretch of the image that is changed. Ends at the last byte there can be when it would reach past it.
    fileprivate var extent: Extent {
        switch self {
        case .zeroes(let extent): extent
        case .data(let offset, let range):
            Extent(offset: offset, byteCount: min(UInt64(range.count), .max - offset))
        }
    }
}
