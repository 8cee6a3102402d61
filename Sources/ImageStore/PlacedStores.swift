/// Several stores as one, in which an image is called PLACE/IMAGE. A place may have a / in its name, an image may not.
public final class PlacedStores: ImageStore {
    /// The stores by the name of their place.
    public let stores: [String: any ImageStore]

    /// Joins stores; they are closed with this one.
    public init(_ stores: [String: any ImageStore]) {
        self.stores = stores
    }

    /// Where the stores are, sorted by place: `ceph:rbd, ceph:vms/tenant-a`.
    public var location: String {
        places.compactMap { stores[$0]?.location }.joined(separator: ", ")
    }

    /// Names of the places, sorted.
    public var places: [String] { stores.keys.sorted() }

    /// Names of all images in all places, sorted. Throws when one of the stores does.
    public func imageNames() async throws(StoreError) -> [String] {
        var names: [String] = []
        for (place, store) in stores {
            for name in try await store.imageNames() { names.append("\(place)/\(name)") }
        }
        return names.sorted()
    }

    /// Opens an image to send from. Throws `.notFound` for an unknown place, too.
    public func openSource(_ name: String) async throws(StoreError) -> any SourceImage {
        let (store, image) = try resolve(name, "open")
        return try await store.openSource(image)
    }

    /// Opens an image to apply to; nil when its place has none of that name. Throws `.notFound` for an unknown place.
    public func openMirror(_ name: String) async throws(StoreError) -> (any MirrorImage)? {
        let (store, image) = try resolve(name, "open")
        return try await store.openMirror(image)
    }

    /// Creates an empty image in its place. Throws `.notFound` for an unknown place.
    public func createMirror(
        _ name: String, byteCount: UInt64, layout: ImageLayout
    ) async throws(StoreError) -> any MirrorImage {
        let (store, image) = try resolve(name, "create")
        return try await store.createMirror(image, byteCount: byteCount, layout: layout)
    }

    /// Closes all stores.
    public func close() async {
        for store in stores.values { await store.close() }
    }

    /// The store of an image, and what the image is called there.
    private func resolve(
        _ name: String, _ operation: String
    ) throws(StoreError) -> (store: any ImageStore, image: String) {
        // Bytes: a slash with an accent behind it is another character, and the same byte to Ceph.
        guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            throw unknownPlace(operation, name, "its name has no place in it")
        }
        let place = name[..<slash]
        guard let store = stores[String(place)] else {
            throw unknownPlace(operation, name, "there is no place \(place.prefix(200))")
        }
        return (store, String(name[name.utf8.index(after: slash)...]))
    }

    private func unknownPlace(_ operation: String, _ name: String, _ detail: String) -> StoreError {
        StoreError(
            .notFound, operation, name, detail: detail,
            remedy: "images are called PLACE/IMAGE here, and the places are: \(places.joined(separator: ", "))")
    }
}
