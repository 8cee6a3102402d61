#if DEBUG
import FerryCore
public import ImageStore

/// A store in which a debug build can be made to die at any `KillPoint`.
public final class KillPointStore: ImageStore {
    private let store: any ImageStore

    private init(_ store: any ImageStore) {
        self.store = store
    }

    /// The store itself, unless the environment names a point to die at.
    public static func wrap(_ store: any ImageStore) -> any ImageStore {
        KillPoint.sentence == nil ? store : KillPointStore(store)
    }

    /// Where the store is.
    public var location: String { store.location }

    /// Names of all images.
    public func imageNames() async throws(StoreError) -> [String] { try await store.imageNames() }

    /// Opens an image to send from.
    public func openSource(_ name: String) async throws(StoreError) -> any SourceImage {
        KillPointSource(try await store.openSource(name))
    }

    /// Opens an image to apply to.
    public func openMirror(_ name: String) async throws(StoreError) -> (any MirrorImage)? {
        try await store.openMirror(name).map { KillPointMirror($0) }
    }

    /// Creates an empty image.
    public func createMirror(
        _ name: String, byteCount: UInt64, layout: ImageLayout
    ) async throws(StoreError) -> any MirrorImage {
        let mirror = try await store.createMirror(name, byteCount: byteCount, layout: layout)
        KillPoint.receiverImageCreated.reach()
        return KillPointMirror(mirror)
    }

    /// Lets go of the store.
    public func close() async { await store.close() }
}

/// An image that passes on what it is asked.
protocol PassingImage: Image {
    /// The image itself.
    var passed: any Image { get }
}

extension PassingImage {
    var identity: ImageIdentity { passed.identity }

    func headByteCount() async throws(StoreError) -> UInt64 { try await passed.headByteCount() }

    func firstChange(since snapshot: SnapshotIdentity?) async throws(StoreError) -> Extent? {
        try await passed.firstChange(since: snapshot)
    }

    func metadata(_ key: String) async throws(StoreError) -> String? { try await passed.metadata(key) }

    func allMetadata() async throws(StoreError) -> [ImageMetadata] { try await passed.allMetadata() }

    func setMetadata(_ key: String, to value: String) async throws(StoreError) {
        try await passed.setMetadata(key, to: value)
        KillPoint(storing: value, under: key)?.reach()
    }
}
#endif
