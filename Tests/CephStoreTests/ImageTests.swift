import CephStore
import FerryCore
import Foundation
import ImageStore
import Testing

@testable import StoreConformance

@Suite("Images in Ceph", .enabled(if: TestCluster.isThere))
struct ImageTests {
    /// Lends a mirror image of 8 MiB and removes it afterwards.
    private func withMirror(
        _ body: (any MirrorImage, _ name: String, TestCluster) async throws -> Void
    ) async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("image")
        try await cluster.withStore { store in
            let mirror = try await store.createMirror(name, byteCount: 8 << 20, layout: .standard)
            do { try await body(mirror, name, cluster) } catch {
                await mirror.close()
                throw error
            }
            await mirror.close()
        }
        await cluster.discard("rbd/\(name)")
    }

    @Test("an image's name is taken as it is: none leads to another pool, namespace or snapshot")
    func strangeNames() async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("names")
        try await cluster.rbd("create", name, "--size", "8M")
        try await cluster.withStore { store in
            let strangeNames = ["rbd/\(name)", "\(name)@", "\(name)@s1", "../\(name)", "/\(name)", "a/b@c"]
            for strange in strangeNames {
                let found = try await store.openMirror(strange)
                #expect(found == nil, "\(strange)")
                let error = try #require(
                    await #expect(throws: StoreError.self) {
                        try await store.createMirror(strange, byteCount: 1 << 20, layout: .standard)
                    })
                #expect(error.reason == .unsupported, "\(strange)")
            }
            let names = Set(try await store.imageNames())
            #expect(names.isDisjoint(with: strangeNames))
        }
        await cluster.discard("rbd/\(name)")
    }

    @Test("a pin makes the stock rbd refuse to remove the snapshot, until it is taken away")
    func pin() async throws {
        try await withMirror { _, name, cluster in
            try await cluster.withSource(name) { source in
                let snapshot = try await source.createSnapshot("s").identity
                #expect(try await source.pin(snapshot))
                await #expect(throws: TestCluster.CommandFailure.self) {
                    try await cluster.rbd("snap", "rm", "--no-progress", "rbd/\(name)@s")
                }
                #expect(try await source.pin(snapshot) == false)
                try await source.unpin(snapshot)
                try await cluster.rbd("snap", "rm", "--no-progress", "rbd/\(name)@s")
                #expect(try await source.snapshots().isEmpty)
                await #expect(throws: StoreError.self) { try await source.pin(snapshot) }
                try await source.unpin(snapshot)
            }
        }
    }

    @Test("a name that passed to another snapshot pins, removes and rolls back to nothing")
    func nameReuse() async throws {
        try await withMirror { mirror, name, cluster in
            let old = try await mirror.createSnapshot("s").identity
            try await cluster.rbd("snap", "rm", "--no-progress", "rbd/\(name)@s")
            try await cluster.rbd("snap", "create", "--no-progress", "rbd/\(name)@s")
            try await cluster.withSource(name) { source in
                try await expect("pin", throws: .notFound) { try await source.pin(old) }
                try await expect("delta", throws: .notFound) {
                    try await source.openDelta(from: nil, to: old, mode: .hybrid)
                }
            }
            try await expect("remove", throws: .notFound) { try await mirror.removeSnapshot(old) }
            try await expect("roll back", throws: .notFound) { try await mirror.rollBack(to: old) }
            try await expect("first change", throws: .notFound) { try await mirror.firstChange(since: old) }
            #expect(try await mirror.snapshots().count == 1)
        }
    }

    @Test("a delta says so when its base or target is removed while it is open")
    func snapshotRemovedMeanwhile() async throws {
        try await withMirror { mirror, name, cluster in
            try await mirror.write([(0, testBytes(8 << 20))])
            let first = try await mirror.createSnapshot("first")
            try await mirror.write([(1 << 20, testBytes(1 << 20, seed: 2))])
            let second = try await mirror.createSnapshot("second")
            try await cluster.withSource(name) { source in
                try await source.withDelta(from: first, to: second) { delta in
                    _ = try await delta.allExtents()
                    try await cluster.rbd("snap", "rm", "--no-progress", "rbd/\(name)@first")
                    try await expect("extents", throws: .notFound) { try await delta.extents(from: 0) }
                }
            }
        }
    }

    @Test("another client can't write to a locked image, and can when it is closed")
    func lock() async throws {
        try await withMirror { mirror, name, cluster in
            try await mirror.lock()
            let workload = Workload(cluster: cluster, spec: "rbd/\(name)")
            await #expect(throws: TestCluster.CommandFailure.self) { try await workload.run("image.write(b'x', 0)") }
            #expect(try await mirror.firstChange(since: nil) == nil)
            await mirror.close()
            try await workload.run("image.write(b'x', 0)")
        }
    }

    @Test("an image without the exclusive-lock feature is not locked, and the remedy names the command")
    func noLockFeature() async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("plain")
        try await cluster.rbd("create", name, "--size", "8M", "--image-feature", "layering")
        try await cluster.withStore { store in
            let mirror = try #require(try await store.openMirror(name))
            let error = try #require(await #expect(throws: StoreError.self) { try await mirror.lock() })
            #expect(error.reason == .unsupported)
            #expect(error.remedy.contains("rbd feature enable"))
            await mirror.close()
        }
        await cluster.discard("rbd/\(name)")
    }

    @Test("what other clients do to an image is seen at once")
    func readAfresh() async throws {
        try await withMirror { mirror, name, cluster in
            try await cluster.rbd("snap", "create", "--no-progress", "rbd/\(name)@theirs")
            #expect(try await mirror.snapshots().map(\.identity.name) == ["theirs"])
            try await cluster.rbd("resize", "--no-progress", "--size", "9M", "rbd/\(name)")
            #expect(try await mirror.headByteCount() == 9 << 20)
            try await cluster.rbd("image-meta", "set", "rbd/\(name)", "key", "value")
            #expect(try await mirror.metadata("key") == "value")
            let long = String(repeating: "x", count: 60_000)
            try await mirror.setMetadata("key", to: long)
            #expect(try await mirror.metadata("key") == long)
            #expect(try await mirror.firstChange(since: nil) == nil)
            try await Workload(cluster: cluster, spec: "rbd/\(name)").run("image.write(b'x', 5 << 20)")
            let change = try #require(try await mirror.firstChange(since: nil))
            #expect(change.offset <= 5 << 20 && change.end > 5 << 20)
        }
    }

    @Test("a group's snapshot is not the user's")
    func groupSnapshots() async throws {
        try await withMirror { mirror, name, cluster in
            try await cluster.rbd("group", "create", "rbd/g-\(name)")
            try await cluster.rbd("group", "image", "add", "rbd/g-\(name)", "rbd/\(name)")
            try await cluster.rbd("group", "snap", "create", "rbd/g-\(name)@g")
            #expect(try await mirror.snapshots().isEmpty)
            try await expect("remove", throws: .locked) { try await mirror.remove() }
            try await cluster.rbd("group", "rm", "rbd/g-\(name)")
        }
    }

    @Test("a mirror is created with its layout, on its data pool", arguments: [nil, "rbd-data"])
    func layout(_ dataPool: String?) async throws {
        let cluster = try TestCluster.get()
        try await cluster.prepare(.withDataPool)
        let name = TestCluster.freshName("layout")
        let layout = ImageLayout(objectOrder: 20, stripeUnitByteCount: 65536, stripeCount: 4)
        try await cluster.withStore(dataPool: dataPool) { store in
            let mirror = try await store.createMirror(name, byteCount: 12_345_678, layout: layout)
            try await mirror.write([(0, testBytes(3 << 20))])
            await mirror.close()
            let source = try await store.openSource(name)
            #expect(source.layout == layout)
            await source.close()
            try await expect("create", throws: .alreadyExists) {
                try await store.createMirror(name, byteCount: 1, layout: .standard)
            }
        }
        let info = try await cluster.rbd("info", "rbd/\(name)")
        #expect(info.contains("stripe unit: 64 KiB") && info.contains("fast-diff"))
        #expect(info.contains("data_pool: rbd-data") == (dataPool != nil))
        #expect(try await Array(cluster.export("rbd/\(name)").prefix(3 << 20)) == testBytes(3 << 20))
        await cluster.discard("rbd/\(name)")
    }

    @Test("snapshots of many images at once leave room for reads and writes of others")
    func manyImages() async throws {
        let cluster = try TestCluster.get()
        try await cluster.withStore { store in
            let names = (0..<24).map { TestCluster.freshName("many\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for name in names {
                    tasks.addTask {
                        let mirror = try await store.createMirror(name, byteCount: 8 << 20, layout: .standard)
                        try await mirror.lock()
                        for round in 0..<3 {
                            try await mirror.write([(UInt64(round) << 20, testBytes(1 << 20))])
                            let snapshot = try await mirror.createSnapshot("s\(round)")
                            #expect(try await mirror.firstChange(since: snapshot.identity) == nil)
                        }
                        for snapshot in try await mirror.snapshots() {
                            try await mirror.removeSnapshot(snapshot.identity)
                        }
                        try await mirror.remove()
                    }
                }
                try await tasks.waitForAll()
            }
        }
    }

    @Test("a full pool is an error, not a wait, and its images can still be opened", arguments: [false, true])
    func fullPool(_ isDataPool: Bool) async throws {
        let cluster = try TestCluster.get()
        let pool = TestCluster.freshName("full")
        try await cluster.ceph("osd", "pool", "create", pool, "1")
        try await cluster.rbd("pool", "init", pool)
        var location = cluster.location(dataPool: isDataPool ? pool : nil)
        if !isDataPool { location.pool = pool }
        let store = try await CephStore.open(location)
        let name = TestCluster.freshName("full")
        let mirror = try await store.createMirror(name, byteCount: 8 << 20, layout: .standard)
        try await mirror.write([(0, testBytes(2 << 20))])
        try await cluster.ceph("osd", "pool", "set-quota", pool, "max_bytes", "1000000")
        let waitUntilFull = "until ceph -c $0 osd pool ls detail | grep $1 | grep full_quota; do sleep 0.5; done"
        _ = try await cluster.run("sh", ["-c", waitUntilFull, cluster.confPath, pool])
        try await expect("write", throws: .noSpace) {
            // We hear of it a moment later than others may.
            for round in 0..<1000 as Range<UInt64> {
                try await mirror.write([(4 << 20, testBytes(4096, seed: round))])
            }
        }
        let second = try #require(try await store.openMirror(name))
        #expect(try await second.headByteCount() == 8 << 20)
        await second.close()
        await mirror.close()
        await store.close()
    }

    @Test("closing waits for what is in flight, and what comes later is turned away")
    func closing() async throws {
        try await withMirror { mirror, _, _ in
            try await mirror.write([(0, testBytes(8 << 20))])
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for round in 0..<8 {
                    tasks.addTask { try await mirror.write([(0, testBytes(8 << 20, seed: UInt64(round)))]) }
                }
                try await tasks.next()
                await mirror.close()
                // Those that had begun end well; the others are turned away with an error, and none hangs.
                while let result = await tasks.nextResult() {
                    if case .failure(let error) = result { #expect(error is StoreError) }
                }
            }
            await mirror.close()
            await #expect(throws: StoreError.self) { try await mirror.headByteCount() }
        }
    }
}
