import DiffStream
import FerryCore
import ImageStore
import Planning

/// The image that a stream is applied to: made or found as the stream needs it, and brought back when that fails.
actor ImportTarget {
    private let store: any ImageStore
    private let name: String
    private let restoresUnfinished: Bool
    private var layout = ImageLayout.standard
    private var isHistory = false
    private var image: (any MirrorImage)?
    /// What the image was; nil until it is going to be changed.
    private var marker: ImportMarker?
    /// Whether the marker is with the image.
    private var isMarked = true
    /// Metadata that were set, and what they were.
    private var replaced: [(key: String, value: String?)] = []
    /// Snapshots that this import made, and whether the stream says that they are protected.
    private var made: [(snapshot: Snapshot, isProtected: Bool)] = []
    /// The snapshot that the next diff starts from.
    private var base: Snapshot?

    /// The image `name`. `restoresUnfinished` permits to bring back first what an import that was killed left, and
    /// whatever happened to the image since.
    init(_ store: any ImageStore, _ name: String, restoresUnfinished: Bool) {
        self.store = store
        self.name = name
        self.restoresUnfinished = restoresUnfinished
    }

    /// Opens the image, if there is one, and takes it for ourselves. Changes nothing.
    func open() async throws {
        guard let found = try await store.openMirror(name) else { return }
        image = found
        try await found.lock()
    }

    /// Says what is known of the stream before its first diff: how an image is to be made, and whether there may be
    /// more than one diff.
    func expect(_ layout: ImageLayout, isHistory: Bool) {
        self.layout = layout
        self.isHistory = isHistory
    }

    /// Makes the image ready for a diff: nothing was written to it since the diff's base, and it has the diff's size.
    func begin(_ diff: StreamBatches.OpenedDiff) async throws -> any MirrorImage {
        let image = try await opened(for: diff)
        let byteCount = try await image.headByteCount()
        if let base { try check(byteCount, base.byteCount) }
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
        for entry in metadata {
            replaced.append((entry.key, try await image.metadata(entry.key)))
            try await image.setMetadata(entry.key, to: entry.value)
        }
        isMarked = false
        try await image.removeMetadata(ImageStateKey.importing)
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
            if let marker {
                // If this is cut short too, it must be seen that there is something to bring back.
                if !isMarked { try await image.setMetadata(ImageStateKey.importing, to: marker.text) }
                try await restore(image, marker.before)
            }
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
        if marker != nil, let image { return image }
        if let image {
            try await restoreUnfinished(image)
            let before = try await checked(image, diff.header)
            let marker = ImportMarker(image.identity, before, target: isHistory ? nil : diff.header.toSnapshot)
            try await image.setMetadata(ImageStateKey.importing, to: marker.text)
            self.marker = marker
            return image
        }
        if let base = diff.header.fromSnapshot { throw ImportError.noImage(name, base: base) }
        let created = try await store.createMirror(name, byteCount: diff.byteCount, layout: layout)
        let marker = ImportMarker(created.identity, .made, target: isHistory ? nil : diff.header.toSnapshot)
        (image, self.marker) = (created, marker)
        try await created.lock()
        try await created.setMetadata(ImageStateKey.importing, to: marker.text)
        return created
    }

    /// What the image is now, if the diff can go on it.
    private func checked(_ image: any MirrorImage, _ header: DiffHeader) async throws -> ImportMarker.Before {
        guard try await image.metadata(ImageStateKey.mirror) == nil else { throw ImportError.isMirror(name) }
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
        guard let base = snapshots.last(where: { $0.identity.name.hasSameBytes(as: baseName) }) else {
            throw ImportError.noBase(baseName, image: name, present: snapshots.map(\.identity.name))
        }
        if let target = header.toSnapshot,
            let taken = snapshots.first(where: { $0.identity.name.hasSameBytes(as: target) })
        {
            throw ImportError.targetExists(taken.identity, image: name)
        }
        if let first = try await image.firstChange(since: base.identity) {
            throw ImportError.headChanged(image: name, base: base.identity, first: first)
        }
        self.base = base
        return .base(id: base.identity.id)
    }

    /// Brings an image back that an import was killed on, if that is permitted.
    private func restoreUnfinished(_ image: any MirrorImage) async throws {
        guard let text = try await image.metadata(ImageStateKey.importing) else { return }
        guard let left = ImportMarker(text: text, image: image.identity), try await !isComplete(left, image) else {
            try await image.removeMetadata(ImageStateKey.importing)
            return
        }
        let snapshots = try await image.snapshots()
        if case .base(let id) = left.before {
            guard let base = snapshots.first(where: { $0.identity.id == id }) else {
                throw ImportError.wayBackGone(image: name)
            }
            guard restoresUnfinished else { throw ImportError.leftByImport(image: name, base: base.identity) }
        } else {
            guard snapshots.isEmpty else { throw ImportError.leftWithSnapshots(image: name) }
            guard restoresUnfinished else { throw ImportError.leftByImport(image: name, base: nil) }
        }
        // One that was made stays, empty: this import fills it.
        try await left.before == .made ? image.wipe() : restore(image, left.before)
    }

    /// Whether an import that was killed had made its snapshot already, and the head equals it.
    private func isComplete(_ left: ImportMarker, _ image: any MirrorImage) async throws -> Bool {
        guard let target = left.target, let newest = try await image.snapshots().last,
            newest.identity.name.hasSameBytes(as: target)
        else { return false }
        if case .base(let id) = left.before, newest.identity.id <= id { return false }
        return try await image.firstChange(since: newest.identity) == nil
    }

    private func restore(_ image: any MirrorImage, _ before: ImportMarker.Before) async throws {
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
                throw ImportError.wayBackGone(image: name)
            }
            // Perhaps nothing was applied yet, and a roll back goes through the whole image.
            if try await image.firstChange(since: base.identity) != nil { try await image.rollBack(to: base.identity) }
        }
        for entry in replaced.reversed() {
            if let value = entry.value {
                try await image.setMetadata(entry.key, to: value)
            } else {
                try await image.removeMetadata(entry.key)
            }
        }
        try await image.flush()
        try await image.removeMetadata(ImageStateKey.importing)
    }
}
