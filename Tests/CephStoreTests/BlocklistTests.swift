import CephStore
import Foundation
import ImageStore
import Testing

@Suite("A cluster that has cut a store off", .enabled(if: TestCluster.isThere))
struct BlocklistTests {
    @Test("what was open fails as something that passes, and what is opened afterwards works")
    func comesBack() async throws {
        let cluster = try TestCluster.get()
        let (location, files) = try await cluster.makeUser(osd: "profile rbd pool=rbd", namespace: nil)
        defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
        let name = TestCluster.freshName("cut-off")
        try await cluster.rbd("create", "--size", "8M", "rbd/\(name)")
        let store = try await CephStore.open(location)
        let before = try await store.openSource(name)
        _ = try await before.snapshots()
        try await cluster.cutOff(user: location.user)

        let error = await #expect(throws: StoreError.self) { _ = try await before.createSnapshot("s1") }
        #expect(error?.reason == .unavailable, "\(error as Any)")
        let after = try await store.openSource(name)
        _ = try await after.createSnapshot("s2")
        #expect(try await after.snapshots().map(\.identity.name) == ["s2"])
        #expect(try await store.imageNames().contains(name))
        await before.close()
        await after.close()
        await store.close()
        await cluster.discard("rbd/\(name)")
    }
}
