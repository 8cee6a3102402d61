import DiffStream
import FerryCore
import ImageStore

/// The image that a stream is applied to: made or found as the stream needs it, and brought back when that fails.
actor ImportTarget {
    private let store: any ImageStore
    private let name: String
    private let layout: ImageLayout
    private var image: (any MirrorImage)?
    /// What the image was; nil until it is going to be changed.
    private var before: ImportMarker?
    /// Snapshots that this import made, and whether the stream says that they are protected.
    private var made: [(snapshot: Snapshot, isProtected: Bool)] = []
    /// The snapshot that the next diff starts from.
    private var base: Snapshot?

    init(_ store: any ImageStore, _ name: String, layout: ImageLayout) {
        self.store = store
        self.name = name
        self.layout = layout
    }

    /// Makes the image ready for a diff: nothing was written to it since the diff's base, and it has the diff's size.
    func begin(_ diff: StreamBatches.OpenedDiff) async throws -> any MirrorImage {
        let image = try await opened(for: diff)
        let byteCount = try await image.headByteCount()
        if let base, base.byteCount != byteCount {
            throw ImportError.resizedMeanwhile(image: name, expected: base.byteCount, found: byteCount)
        }
        if byteCount != diff.byteCount { try await image.resize(to: diff.byteCount) }
        return image
    }

    /// Makes the snapshot that a diff leads to, once all of it is applied.
    func finish(_ diff: StreamBatches.OpenedDiff) async throws {
        guard let image else { preconditionFailure("a diff is begun before it is finished") }
        try await image.flush()
        try check(try await image.headByteCount(), diff.byteCount)
        guard let target = diff.header.toSnapshot else { return }
        let snapshot = try await image.createSnapshot(target)
        made.append((snapshot, diff.header.isProtected == true))
        try check(snapshot.byteCount, diff.byteCount)
        base = snapshot
    }

    /// All is applied: sets metadata, protects snapshots, and lets go of the image.
    func complete(_ metadata: [ImageMetadata]) async throws {
        guard let image else { return }
        for entry in metadata { try await image.setMetadata(entry.key, to: entry.value) }
        try await image.removeMetadata(ImportMarker.key)
        // Last, because what is protected can't be taken back.
        try await protect(made.filter(\.isProtected).map(\.snapshot.identity))
        await image.close()
        self.image = nil
    }

    /// Brings the image back to what it was before the import, and lets go of it.
    func undo() async throws {
        guard let image else { return }
        self.image = nil
        do {
            if let before { try await restore(image, before) }
        } catch {
            await image.close()
            throw error
        }
        await image.close()
    }

    private func check(_ found: UInt64, _ expected: UInt64) throws(ImportError) {
        guard found == expected else {
            throw .resizedMeanwhile(image: name, expected: expected, found: found)
        }
    }

    private func protect(_ snapshots: [SnapshotIdentity]) async throws {
        guard !snapshots.isEmpty else { return }
        let source = try await store.openSource(name)
        do {
            for snapshot in snapshots { _ = try await source.pin(snapshot) }
        } catch {
            for snapshot in snapshots { try? await source.unpin(snapshot) }
            await source.close()
            throw error
        }
        await source.close()
    }
}

// MARK: Before the first change

extension ImportTarget {
    /// The image, ours alone; for the first diff it is looked at, or made.
    private func opened(for diff: StreamBatches.OpenedDiff) async throws -> any MirrorImage {
        if let image { return image }
        if let found = try await store.openMirror(name) {
            image = found
            try await found.lock()
            try await restoreAfterKill(found)
            let marker = try await checked(found, diff.header)
            try await found.setMetadata(ImportMarker.key, to: marker.text)
            before = marker
            return found
        }
        if let base = diff.header.fromSnapshot { throw ImportError.noImage(name, base: base) }
        let created = try await store.createMirror(name, byteCount: diff.byteCount, layout: layout)
        (image, before) = (created, .made)
        try await created.lock()
        try await created.setMetadata(ImportMarker.key, to: ImportMarker.made.text)
        return created
    }

    /// What the image is now, if the diff can go on it.
    private func checked(_ image: any MirrorImage, _ header: DiffHeader) async throws -> ImportMarker {
        guard try await image.metadata(StreamImport.mirrorKey) == nil else { throw ImportError.isMirror(name) }
        let snapshots = try await image.snapshots()
        guard let baseName = header.fromSnapshot else {
            if let last = snapshots.last {
                throw ImportError.notEmpty(image: name, found: "it has snapshot \(last.identity.name.printable)")
            }
            if let first = try await image.firstChange(since: nil) {
                throw ImportError.notEmpty(image: name, found: "it has data at \(first.offset)")
            }
            return .empty(byteCount: try await image.headByteCount())
        }
        guard let base = snapshots.last(where: { $0.identity.name == baseName }) else {
            throw ImportError.noBase(baseName, image: name, present: snapshots.map(\.identity.name))
        }
        if let taken = snapshots.first(where: { $0.identity.name == header.toSnapshot }) {
            throw ImportError.targetExists(taken.identity, image: name)
        }
        if let first = try await image.firstChange(since: base.identity) {
            throw ImportError.headChanged(image: name, base: base.identity, first: first)
        }
        self.base = base
        return .base(id: base.identity.id)
    }

    /// Brings an image back that an import was killed on.
    private func restoreAfterKill(_ image: any MirrorImage) async throws {
        guard let text = try await image.metadata(ImportMarker.key), let marker = ImportMarker(text: text) else {
            return
        }
        if case .base(let id) = marker {
            try await isComplete(image, after: id)
                ? image.removeMetadata(ImportMarker.key) : restore(image, marker)
            return
        }
        guard try await image.snapshots().isEmpty else { throw ImportError.leftByImport(name) }
        try await image.wipe()
    }

    /// Whether an import that was killed had made its snapshot already: the head equals one newer than its base.
    private func isComplete(_ image: any MirrorImage, after baseID: UInt64) async throws -> Bool {
        guard let newest = try await image.snapshots().last, newest.identity.id > baseID else { return false }
        return try await image.firstChange(since: newest.identity) == nil
    }

    private func restore(_ image: any MirrorImage, _ before: ImportMarker) async throws {
        for snapshot in made.reversed() { try await image.removeSnapshot(snapshot.snapshot.identity) }
        switch before {
        case .made:
            try await image.remove()
            return
        case .empty(let byteCount):
            try await image.wipe()
            if try await image.headByteCount() != byteCount { try await image.resize(to: byteCount) }
        case .base(let id):
            guard let base = try await image.snapshots().first(where: { $0.identity.id == id }) else {
                throw StoreError(.notFound, "roll back", name, detail: "its snapshot with id \(id) is gone")
            }
            // Perhaps nothing was applied yet, and a roll back goes through the whole image.
            if try await image.firstChange(since: base.identity) != nil { try await image.rollBack(to: base.identity) }
        }
        try await image.flush()
        try await image.removeMetadata(ImportMarker.key)
    }
}
