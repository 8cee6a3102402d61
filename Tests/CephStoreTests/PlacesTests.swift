import CephStore
import FerryCore
import ImageStore
import Testing

@Suite("Several places in Ceph", .enabled(if: TestCluster.isThere))
struct PlacesTests {
    /// Lends a store of the pool `rbd` and the namespace `customer` in it.
    private func withStore(_ body: (PlacedStores, TestCluster) async throws -> Void) async throws {
        let cluster = try TestCluster.get()
        try await cluster.prepare(.inNamespace)
        let store = try await CephStore.open(
            conf: cluster.confPath, user: "admin", places: [("rbd", nil), ("rbd", "customer")], dataPool: nil)
        do { try await body(store, cluster) } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    @Test("an image is made, listed, leased and removed in its pool or namespace")
    func images() async throws {
        try await withStore { store, cluster in
            #expect(store.location == "ceph:rbd, ceph:rbd/customer")
            let name = TestCluster.freshName("placed")
            var identities: Set<ImageIdentity> = []
            for place in ["rbd", "rbd/customer"] {
                await (try store.createMirror("\(place)/\(name)", byteCount: 1 << 20, layout: .standard)).close()
                #expect(try await cluster.rbd("info", "\(place)/\(name)").contains("size 1 MiB"))
                let source = try await store.openSource("\(place)/\(name)")
                // The images have one name and are two: the lease on one is not in the way of the other's.
                let lease = try await source.lease(holder: "agent of \(place)", duration: .seconds(60))
                try await lease.renew()
                identities.insert(source.identity)
                await source.close()
            }
            #expect(identities.count == 2)
            let names = try await store.imageNames()
            #expect(names == names.sorted())
            #expect(names.filter { $0.hasSuffix(name) } == ["rbd/\(name)", "rbd/customer/\(name)"].sorted())
            for image in names where image.hasSuffix(name) { try await store.openMirror(image)?.remove() }
        }
    }

    @Test("an unknown place is not found, and a missing pool or namespace is named when the store is opened")
    func missing() async throws {
        try await withStore { store, cluster in
            let error = try #require(
                await #expect(throws: StoreError.self) { try await store.openSource("vms/image") })
            #expect(error.reason == .notFound && error.remedy.contains("rbd, rbd/customer"))
            let missing = await #expect(throws: StoreError.self) {
                try await CephStore.open(
                    conf: cluster.confPath, user: "admin", places: [("rbd", nil), ("rbd", "nobody")], dataPool: nil)
            }
            #expect(missing?.reason == .notFound && missing?.cause.contains("nobody") == true)
        }
    }
}
