import FerryCore
import ImageStore

/// An image name that nobody else uses, and shorthand for working with the image of that name.
struct ScratchImage: Sendable {
    let store: any ImageStore
    /// What the names of all images of the case begin with.
    let prefix: String
    let name: String

    /// Lends a fresh name to `body` and removes what is called so afterwards, whatever happened.
    static func with(
        _ store: any ImageStore, prefix: String, _ body: @Sendable (ScratchImage) async throws -> Void
    ) async throws {
        let number = UInt64.random(in: .min ... .max)
        let name = prefix + "conformance-" + String(number, radix: 36)
        let image = ScratchImage(store: store, prefix: prefix, name: name)
        do {
            try await body(image)
        } catch {
            // The first failure tells more than one of the clean-up after it.
            try? await image.removeEverything()
            throw error
        }
        try await image.removeEverything()
    }

    /// Creates the image and closes it.
    func create(byteCount: UInt64) async throws {
        await (try store.createMirror(name, byteCount: byteCount, layout: .standard)).close()
    }

    /// Creates the image, writes `bytes` from its start on and closes it.
    func create(_ bytes: [UInt8]) async throws {
        try await create(byteCount: UInt64(bytes.count))
        guard !bytes.isEmpty else { return }
        try await withMirror { try await $0.write([(0, bytes)]) }
    }

    /// Opens and locks the image for `body`.
    func withMirror<Result>(_ body: (any MirrorImage) async throws -> Result) async throws -> Result {
        guard let mirror = try await store.openMirror(name) else {
            throw ConformanceFailure(subject: "openMirror \(name)", expected: "an image", found: "nil")
        }
        do {
            try await mirror.lock()
            let result = try await body(mirror)
            await mirror.close()
            return result
        } catch {
            await mirror.close()
            throw error
        }
    }

    /// Opens the image as a source for `body`.
    func withSource<Result>(_ body: (any SourceImage) async throws -> Result) async throws -> Result {
        let source = try await store.openSource(name)
        do {
            let result = try await body(source)
            await source.close()
            return result
        } catch {
            await source.close()
            throw error
        }
    }

    /// Removes the image with its snapshots and pins; nothing when there is none.
    func removeEverything() async throws {
        guard let mirror = try await store.openMirror(name) else { return }
        await mirror.close()
        try await withSource { source in
            for snapshot in try await source.snapshots() {
                try await source.unpin(snapshot.identity)
                try await source.removeSnapshot(snapshot.identity)
            }
        }
        try await store.openMirror(name)?.remove()
    }
}

extension MirrorImage {
    /// Applies bytes and zeroed extents in one call.
    func write(_ pieces: [(offset: UInt64, bytes: [UInt8])], zeroes: [Extent] = []) async throws {
        let buffer = DataBuffer(pieces.flatMap(\.bytes))
        var writes: [MirrorWrite] = []
        var position = 0
        for piece in pieces {
            writes.append(.data(offset: piece.offset, range: position..<position + piece.bytes.count))
            position += piece.bytes.count
        }
        try await apply(writes + zeroes.map { .zeroes($0) }, from: buffer)
    }
}

extension SourceImage {
    /// Opens a delta for `body`.
    func withDelta<Result>(
        from base: Snapshot?, to target: Snapshot, mode: DiffMode = .hybrid,
        _ body: (any Delta) async throws -> Result
    ) async throws -> Result {
        let delta = try await openDelta(from: base?.identity, to: target.identity, mode: mode)
        do {
            let result = try await body(delta)
            await delta.close()
            return result
        } catch {
            await delta.close()
            throw error
        }
    }

    /// All bytes of a snapshot, read in pieces of odd sizes.
    func contents(of snapshot: Snapshot) async throws -> [UInt8] {
        try await withDelta(from: nil, to: snapshot) { delta in
            try await delta.bytes(Extent(offset: 0, byteCount: snapshot.byteCount))
        }
    }
}
