import ImageStore
import MemoryStore
import StoreConformance
import Testing

@Suite("Several stores as one")
struct PlacedStoresTests {
    private let pool = MemoryStore(cluster: "pool")
    private let namespace = MemoryStore(cluster: "namespace")
    private var store: PlacedStores { PlacedStores(["vms": pool, "vms/tenant-a": namespace]) }

    @Test("do what every store does, in each place", arguments: StoreConformance.cases, ["vms/", "vms/tenant-a/"])
    func conformance(_ conformance: ConformanceCase, prefix: String) async throws {
        try await conformance.run(store, prefix: prefix)
    }

    @Test("list their images sorted by the whole name")
    func names() async throws {
        for name in ["b", "z"] { pool.addImage(name, contents: [1]) }
        for name in ["a", "b"] { namespace.addImage(name, contents: [1]) }
        #expect(try await store.imageNames() == ["vms/b", "vms/tenant-a/a", "vms/tenant-a/b", "vms/z"])
        #expect(store.location == "memory:pool, memory:namespace")
    }

    @Test("open an image in its own place only")
    func place() async throws {
        pool.addImage("image", contents: [1])
        #expect(try await store.openSource("vms/image").identity.cluster == "pool")
        #expect(try await store.openMirror("vms/image") != nil)
        #expect(try await store.openMirror("vms/tenant-a/image") == nil)
        await (try store.createMirror("vms/tenant-a/image", byteCount: 1, layout: .standard)).close()
        #expect(try await store.openSource("vms/tenant-a/image").identity.cluster == "namespace")
    }

    @Test(
        "say which places there are when a name has none of them",
        arguments: ["image", "other/image", "vms/tenant-b/image", "/image", "tenant-a/image", ""])
    func unknownPlace(name: String) async throws {
        let store = store
        let attempts: [() async throws -> Void] = [
            { _ = try await store.openSource(name) }, { _ = try await store.openMirror(name) },
            { _ = try await store.createMirror(name, byteCount: 1, layout: .standard) },
        ]
        for attempt in attempts {
            let error = try #require(await #expect(throws: StoreError.self) { try await attempt() })
            #expect(error.reason == .notFound)
            #expect(error.remedy.contains("vms, vms/tenant-a"), "\(error)")
        }
    }

    @Test("fail as a whole when one of them can't list its images")
    func failure() async throws {
        pool.addImage("image", contents: [1])
        namespace.setFaults { _, _ throws(StoreError) in throw StoreError(.unavailable, "list", "namespace") }
        await #expect(throws: StoreError.self) { try await store.imageNames() }
    }
}
