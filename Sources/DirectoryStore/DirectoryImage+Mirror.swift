import FerryCore
import Glibc
import ImageStore

extension DirectoryImage {
    func lock() async throws(StoreError) {
        let operation = "lock"
        try await perform(operation) { _ throws(StoreError) in _ = try self.writableHead(operation) }
    }

    /// The head, open for writing; takes the image's lock first unless we have it.
    private func writableHead(_ operation: String) throws(StoreError) -> FileDescriptor {
        try writer.withLock { writer throws(StoreError) in
            if writer.lock == nil {
                let lock = try folder.folder.openFile(FileName.lock, O_RDWR | O_CREAT, operation)
                guard try lock.lock(LOCK_EX, waits: false, operation) else {
                    throw StoreError(.locked, operation, folder.subject, detail: "someone else has it locked")
                }
                writer.lock = lock
            }
            if let head = writer.head { return head }
            let head = try folder.openHead(O_RDWR, operation)
            writer.head = head
            return head
        }
    }

    func resize(to byteCount: UInt64) async throws(StoreError) {
        let operation = "resize"
        try await perform(operation) { _ throws(StoreError) in
            try ImageFolder.checkSize(byteCount, operation, self.folder.subject)
            let head = try self.writableHead(operation)
            try head.truncate(to: byteCount, operation)
            let found = try head.byteCount(operation)
            guard found == byteCount else {
                throw StoreError(
                    .inconsistent, operation, head.path, detail: "expected \(byteCount) bytes, found \(found)")
            }
        }
    }

    func apply(_ writes: [MirrorWrite], from buffer: DataBuffer) async throws(StoreError) {
        let operation = "write to"
        try await whileOpen(operation) { () throws(StoreError) in
            let head = try await threads.run { () throws(StoreError) in
                let head = try self.writableHead(operation)
                let byteCount = try head.byteCount(operation)
                for write in writes { try write.check(head, byteCount: byteCount, buffer, operation) }
                return head
            }
            try await threads.runInLanes(writes, laneCount: laneCount) { write throws(StoreError) in
                switch write {
                case .zeroes(let extent): try head.punchHole(extent, operation)
                case .data(let offset, let range):
                    let part = UnsafeRawBufferPointer(rebasing: buffer.unsafeBytes[range])
                    try head.write(part, at: offset, operation)
                }
            }
        }
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        let operation = "read"
        try await whileOpen(operation) { () throws(StoreError) in
            for read in reads where !read.fits(in: buffer.byteCount) {
                throw StoreError(.inconsistent, operation, folder.subject, detail: "\(read) does not fit in its buffer")
            }
            let head = try await threads.run { [folder] () throws(StoreError) in
                try folder.openHead(O_RDONLY, operation)
            }
            try await threads.runInLanes(reads, laneCount: laneCount) { read throws(StoreError) in
                let part = buffer.unsafeBytes[read.position..<read.position + Int(read.extent.byteCount)]
                // What is not there is filled with zeros.
                _ = try head.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: part), at: read.extent.offset, operation)
            }
        }
    }

    func flush() async throws(StoreError) {
        let operation = "flush"
        try await perform(operation) { _ throws(StoreError) in try self.writableHead(operation).syncData(operation) }
    }

    func rollBack(to snapshot: SnapshotIdentity) async throws(StoreError) {
        let operation = "roll back"
        try await perform(operation) { folder throws(StoreError) in
            _ = try self.writableHead(operation)
            let (source, _) = try folder.openSnapshot(snapshot, operation)
            let (file, temporary) = try folder.folder.makeTemporaryFile(operation)
            do throws(StoreError) {
                try file.becomeCopy(of: source, operation)
                // Even if the rename fails half-way: the file that is open may be the head no more.
                self.writer.withLock { $0.head = nil }
                try folder.folder.rename(temporary, to: FileName.head, operation)
            } catch {
                _ = unlinkat(folder.folder.raw, temporary, 0)
                throw error
            }
        }
    }

    func wipe() async throws(StoreError) {
        let operation = "wipe"
        try await perform(operation) { _ throws(StoreError) in
            let head = try self.writableHead(operation)
            let byteCount = try head.byteCount(operation)
            try head.truncate(to: 0, operation)
            try head.truncate(to: byteCount, operation)
        }
    }

    func firstChange(since snapshot: SnapshotIdentity?) async throws(StoreError) -> Extent? {
        let operation = "look for changes of"
        return try await perform(operation) { folder throws(StoreError) in
            let base: (file: FileDescriptor, byteCount: UInt64)?
            if let snapshot { base = try folder.openSnapshot(snapshot, operation) } else { base = nil }
            let head = try folder.openHead(O_RDONLY, operation)
            let byteCount = try head.byteCount(operation)
            let files = FileComparison(
                base: base?.file, baseByteCount: base?.byteCount ?? 0, target: head, targetByteCount: byteCount)
            if let first = try files.firstExtent(operation) { return first }
            guard let baseByteCount = base?.byteCount, baseByteCount != byteCount else { return nil }
            let smaller = min(baseByteCount, byteCount)
            return Extent(offset: smaller, byteCount: max(baseByteCount, byteCount) - smaller)
        }
    }

    func remove() async throws(StoreError) {
        let operation = "remove"
        try await perform(operation) { folder throws(StoreError) in
            _ = try self.writableHead(operation)
            try folder.remove(from: self.store, operation)
        }
        await close()
    }
}

extension MirrorWrite {
    /// Throws `.inconsistent` unless the write fits in the head, and its bytes come from inside the buffer.
    fileprivate func check(
        _ head: FileDescriptor, byteCount: UInt64, _ buffer: DataBuffer, _ operation: String
    ) throws(StoreError) {
        let fits: Bool
        switch self {
        case .zeroes(let extent): fits = extent.end <= byteCount
        case .data(let offset, let range):
            fits =
                range.lowerBound >= 0 && range.upperBound <= buffer.byteCount && offset <= byteCount
                && UInt64(range.count) <= byteCount - offset
        }
        guard fits else {
            let sizes = "\(byteCount) bytes in the image, \(buffer.byteCount) in the buffer"
            throw StoreError(
                .inconsistent, operation, head.path, detail: "\(self) reaches past an end: \(sizes)")
        }
    }
}
