import CephStore
import Foundation
import ImageStore
import Testing

@Suite("Leases in Ceph", .enabled(if: TestCluster.isThere))
struct LeaseTests {
    private let minute = Duration.seconds(60)

    private func withImage(
        _ body: (_ name: String, _ id: String, TestCluster) async throws -> Void
    ) async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("lease")
        try await cluster.rbd("create", name, "--size", "8M")
        let id = try await cluster.withSource(name) { $0.identity.image }
        try await body(name, id, cluster)
        await cluster.discard("rbd/\(name)")
    }

    @Test("another connection is another holder, whatever it calls itself")
    func twoConnections() async throws {
        try await withImage { name, _, cluster in
            try await cluster.withSource(name) { first in
                let lease = try await first.lease(holder: "agent", duration: minute)
                try await cluster.withSource(name) { second in
                    let error = try #require(
                        await #expect(throws: StoreError.self) {
                            try await second.lease(holder: "agent", duration: minute)
                        })
                    #expect(error.reason == .locked && error.cause.contains("agent has it"), "\(error)")
                    await lease.release()
                    let taken = try await second.lease(holder: "agent", duration: minute)
                    await #expect(throws: StoreError.self) { try await lease.renew() }
                    await taken.release()
                }
            }
        }
    }

    @Test("a holder whose connection is gone without release has it until it runs out")
    func deadHolder() async throws {
        try await withImage { name, _, cluster in
            let start = ContinuousClock.now
            _ = try await cluster.withSource(name) { try await $0.lease(holder: "dead", duration: .seconds(3)) }
            try await cluster.withSource(name) { source in
                while true {
                    do throws(StoreError) {
                        await (try source.lease(holder: "next", duration: minute)).release()
                        break
                    } catch {
                        #expect(error.reason == .locked && error.cause.contains("dead has it"), "\(error)")
                        try await Task.sleep(for: .milliseconds(200))
                    }
                }
                #expect(ContinuousClock.now - start >= .seconds(3))
            }
        }
    }

    @Test("the stock rados shows the holder, and the lock goes with the image")
    func stockTools() async throws {
        try await withImage { name, id, cluster in
            try await cluster.withSource(name) { source in
                let lease = try await source.lease(holder: "agent on host a", duration: minute)
                let rados = ["-c", cluster.confPath, "-p", "rbd"]
                let info = try await cluster.run(
                    "rados", rados + ["lock", "info", "rbd_header.\(id)", "rbd-ferry.sender"])
                #expect(info.contains("agent on host a"))
                try await cluster.rbd("rm", "--no-progress", name)
                await #expect(throws: StoreError.self) { try await lease.renew() }
                try await expectNotFound { try await source.lease(holder: "agent", duration: minute) }
                #expect(try await cluster.run("rados", rados + ["ls"]).contains(id) == false)
            }
        }
    }

    private func expectNotFound(_ body: () async throws -> any ImageLease) async throws {
        let error = await #expect(throws: StoreError.self) { _ = try await body() }
        #expect(error?.reason == .notFound)
    }

    @Test("the rights that README asks for are enough", arguments: ["pool=rbd", "pool=rbd namespace=customer"])
    func rights(_ scope: String) async throws {
        let namespace = scope.contains("namespace") ? "customer" : nil
        let cluster = try TestCluster.get()
        try await cluster.prepare(.inNamespace)
        let spec = [namespace, TestCluster.freshName("rights")].compactMap(\.self).joined(separator: "/")
        try await cluster.rbd("create", "rbd/\(spec)", "--size", "8M")
        let (location, files) = try await cluster.makeUser(osd: "profile rbd \(scope)", namespace: namespace)
        defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
        let store = try await CephStore.open(location)
        let source = try await store.openSource(String(spec.split(separator: "/").last ?? ""))
        let lease = try await source.lease(holder: "first", duration: minute)
        try await lease.renew()
        await #expect(throws: StoreError.self) { try await source.lease(holder: "second", duration: minute) }
        await lease.release()
        let snapshot = try await source.createSnapshot("s", quiesce: .bestEffort)
        #expect(abs(snapshot.createdAt.timeIntervalSinceNow) < 60)
        await source.close()
        await store.close()
        try await cluster.ceph("auth", "rm", "client.\(location.user)")
        await cluster.discard("rbd/\(spec)")
    }
}
