public import FerryCore
public import ImageStore

/// What tests do to images behind the back of the code that they test. All of it works while images are open.
extension MemoryStore {
    /// All bytes of the head, or of the newest snapshot of that name; nil when there is no such thing.
    public func contents(of image: String, at snapshot: String? = nil) -> [UInt8]? {
        let found: SparseBytes? = state.withLock { state in
            guard let id = state.idsByName[image], let image = state.images[id] else { return nil }
            guard let snapshot else { return image.head }
            return image.snapshots.last { $0.identity.name == snapshot }?.contents
        }
        return found?.bytes
    }

    /// Creates an image with these bytes. False when the name is taken.
    @discardableResult
    public func addImage(_ name: String, contents: [UInt8], layout: ImageLayout = .standard) -> Bool {
        guard create(name, byteCount: UInt64(contents.count), layout: layout) else { return false }
        return overwrite(name, at: 0, with: contents)
    }

    /// Writes to the head as somebody else would, whatever is locked. False when it does not fit or there is no
    /// such image.
    @discardableResult
    public func overwrite(_ image: String, at offset: UInt64, with bytes: [UInt8]) -> Bool {
        change(image) { image in
            guard offset <= image.head.byteCount, UInt64(bytes.count) <= image.head.byteCount - offset else {
                return false
            }
            image.head.write(bytes[...], at: offset)
            image.durableHead = image.head
            return true
        }
    }

    /// Writes to the head and to all snapshots, as a fault of the store, or a wrong list of changes long ago, would. False
    /// when it does not fit or there is no such image.
    @discardableResult
    public func damage(_ image: String, at offset: UInt64, with bytes: [UInt8]) -> Bool {
        guard overwrite(image, at: offset, with: bytes) else { return false }
        return change(image) { image in
            image.snapshots = image.snapshots.map { snapshot in
                var contents = snapshot.contents
                guard offset + UInt64(bytes.count) <= contents.byteCount else { return snapshot }
                contents.write(bytes[...], at: offset)
                return MemorySnapshot(
                    identity: snapshot.identity, contents: contents, createdAt: snapshot.createdAt,
                    isPinned: snapshot.isPinned)
            }
            return true
        }
    }

    /// Writes to a published snapshot, which no store lets anybody do: damage that nobody notices. The head goes wrong with
    /// it where the two were equal. False when it does not fit or there is no such snapshot.
    @discardableResult
    public func corruptSnapshot(_ name: String, of image: String, at offset: UInt64, with bytes: [UInt8]) -> Bool {
        changeSnapshot(name, of: image) { contents in
            guard offset <= contents.byteCount, UInt64(bytes.count) <= contents.byteCount - offset else { return false }
            contents.write(bytes[...], at: offset)
            return true
        }
    }

    /// Gives a published snapshot another size, which no store does either; the head too where the two were equal.
    @discardableResult
    public func resizeSnapshot(_ name: String, of image: String, to byteCount: UInt64) -> Bool {
        changeSnapshot(name, of: image) { contents in
            contents.resize(to: byteCount)
            return true
        }
    }

    private func changeSnapshot(_ name: String, of image: String, _ body: (inout SparseBytes) -> Bool) -> Bool {
        change(image) { image in
            guard let index = image.snapshots.lastIndex(where: { $0.identity.name == name }) else { return false }
            let before = image.snapshots[index]
            var contents = before.contents
            guard body(&contents) else { return false }
            if image.head.byteCount == before.contents.byteCount,
                image.head.changedGranules(since: before.contents).isEmpty
            {
                image.head = contents
                image.durableHead = contents
            }
            image.snapshots[index] = MemorySnapshot(
                identity: before.identity, contents: contents, createdAt: before.createdAt, isPinned: before.isPinned)
            return true
        }
    }

    /// Gives an image another name; it stays the same image. False when the new name is taken or there is none.
    @discardableResult
    public func renameImage(_ name: String, to newName: String) -> Bool {
        state.withLock { state in
            guard state.idsByName[newName] == nil, let id = state.idsByName[name] else { return false }
            state.idsByName[name] = nil
            state.idsByName[newName] = id
            return true
        }
    }

    /// Deletes an image with all its snapshots, pinned or not. Open handles find it gone.
    @discardableResult
    public func deleteImage(_ name: String) -> Bool {
        state.withLock { state in
            guard let id = state.idsByName.removeValue(forKey: name) else { return false }
            return state.images.removeValue(forKey: id) != nil
        }
    }

    /// Deletes a snapshot by name, pinned or not.
    @discardableResult
    public func deleteSnapshot(_ snapshot: String, of image: String) -> Bool {
        change(image) { image in
            let countBefore = image.snapshots.count
            image.snapshots.removeAll { $0.identity.name == snapshot }
            return image.snapshots.count < countBefore
        }
    }

    /// Deletes the snapshots whose ids are above `id`, pinned or not.
    @discardableResult
    public func deleteSnapshots(of image: String, newerThan id: UInt64) -> Bool {
        change(image) { image in
            let countBefore = image.snapshots.count
            image.snapshots.removeAll { $0.identity.id > id }
            return image.snapshots.count < countBefore
        }
    }

    /// Sets the head's size as somebody else would, whatever is locked.
    @discardableResult
    public func resizeHead(of image: String, to byteCount: UInt64) -> Bool {
        change(image) { image in
            image.head.resize(to: byteCount)
            image.durableHead = image.head
            return true
        }
    }

    /// Whether the newest snapshot of that name is pinned.
    public func isPinned(_ snapshot: String, of image: String) -> Bool {
        state.withLock { state in
            guard let id = state.idsByName[image], let image = state.images[id] else { return false }
            return image.snapshots.last { $0.identity.name == snapshot }?.isPinned ?? false
        }
    }

    /// What a loss of power does: the head falls back to what was flushed last, and nobody holds a lock.
    @discardableResult
    public func losePower(of image: String) -> Bool {
        change(image) { image in
            image.head = image.durableHead
            image.lockHolder = nil
            return true
        }
    }

    /// The identity of the image of that name; nil when there is none.
    public func identity(of image: String) -> ImageIdentity? {
        state.withLock { state in state.idsByName[image].flatMap { state.images[$0]?.identity } }
    }

    /// Names of all images, sorted.
    public var names: [String] { state.withLock { $0.idsByName.keys.sorted() } }

    /// What an image is, whatever its name; nil when it is gone.
    public func look(at image: ImageIdentity) -> MemoryView? {
        state.withLock { state in state.images[image.image].map(MemoryView.init) }
    }

    /// Handles that were opened and not closed, of all images.
    public var openHandleCount: Int { state.withLock { $0.images.values.reduce(0) { $0 + $1.openHandles.count } } }

    /// Deltas that were opened and not closed, of all images.
    public var openDeltaCount: Int { state.withLock { $0.openDeltaCount } }

    /// Handles on an image that were opened and not closed; 0 when there is no such image.
    public func openHandleCount(of image: String) -> Int {
        state.withLock { state in state.idsByName[image].flatMap { state.images[$0]?.openHandles.count } ?? 0 }
    }

    private func change(_ name: String, _ body: (inout MemoryImageState) -> Bool) -> Bool {
        state.withLock { state in
            guard let id = state.idsByName[name], var image = state.images.removeValue(forKey: id) else {
                return false
            }
            defer { state.images[id] = image }
            return body(&image)
        }
    }
}
