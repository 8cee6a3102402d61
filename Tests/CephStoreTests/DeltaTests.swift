import CephStore
import FerryCore
import Foundation
import ImageStore
import Testing

@testable import StoreConformance

/// A kind of image that deltas are made of.
enum ImageKind: String, CaseIterable, Sendable {
    case plain, striped, smallObjects, withDataPool, inNamespace, clone, flattenedClone

    /// Options of `rbd create` or `rbd clone`.
    var options: [String] {
        switch self {
        case .striped: ["--object-size", "1M", "--stripe-unit", "64K", "--stripe-count", "4"]
        case .smallObjects: ["--object-size", "64K"]
        case .withDataPool: ["--data-pool", "rbd-data"]
        default: []
        }
    }

    var namespace: String? { self == .inNamespace ? "customer" : nil }
    var isClone: Bool { self == .clone || self == .flattenedClone }
}

@Suite("Deltas", .enabled(if: TestCluster.isThere))
struct DeltaTests {
    static let byteCountMax = 24 << 20

    @Test(
        "hybrid and exact lists are equal and turn the base into the target", arguments: ImageKind.allCases, 1...3)
    func hybridEqualsExact(_ kind: ImageKind, _ seed: Int) async throws {
        let cluster = try TestCluster.get()
        try await cluster.prepare(kind)
        let image = try await cluster.make(kind, byteCount: Self.byteCountMax)
        let spec = image.spec
        for round in 0..<4 {
            let workload = Workload(cluster: cluster, spec: spec)
            if round > 0 || !kind.isClone {
                try await workload.change(seed: seed * 100 + round, byteCountMax: Self.byteCountMax)
            }
            if round == 2, kind == .flattenedClone { try await cluster.rbd("flatten", "--no-progress", spec) }
            try await cluster.rbd("snap", "create", "--no-progress", "\(spec)@s\(round)")
        }
        try await cluster.withStore(namespace: kind.namespace) { store in
            let source = try await store.openSource(image.name)
            do {
                try await checkAllDeltas(source, cluster, spec, "\(kind), seed \(seed)")
            } catch {
                await source.close()
                throw error
            }
            await source.close()
        }
        await cluster.discard(spec)
        if let parent = image.parent { await cluster.discard(parent) }
    }

    private func checkAllDeltas(
        _ source: any SourceImage, _ cluster: TestCluster, _ spec: String, _ what: String
    ) async throws {
        var contents: [[UInt8]] = []
        let snapshots = try await source.snapshots()
        #expect(snapshots.map(\.identity.name) == ["s0", "s1", "s2", "s3"])
        for (index, target) in snapshots.enumerated() {
            contents.append(try await cluster.export("\(spec)@\(target.identity.name)"))
            for baseIndex in -1..<index {
                let base = baseIndex < 0 ? nil : snapshots[baseIndex]
                let what = "\(what), \(base?.identity.name ?? "nothing") to \(target.identity.name)"
                let bytes = baseIndex < 0 ? [] : contents[baseIndex]
                let exact = try await source.withDelta(from: base, to: target, mode: .exact) { delta in
                    try await delta.check("exact, \(what)", turns: bytes, into: contents[index])
                    return try await delta.allExtents()
                }
                try await source.withDelta(from: base, to: target, mode: .hybrid) { delta in
                    #expect(try await delta.allExtents() == exact, "\(what)")
                    let offset = delta.byteCount / 3 + 1
                    #expect(try await delta.allExtents(from: offset) == exact.clipped(from: offset), "\(what)")
                    let estimate = try await delta.changedByteCountEstimate()
                    let sum = exact.map(\.extent.byteCount).reduce(0, +)
                    #expect(estimate.map { $0 >= sum } ?? true, "\(what): \(String(describing: estimate)) < \(sum)")
                }
            }
        }
    }

    @Test("the extents are those that the stock rbd lists")
    func stockRbdAgrees() async throws {
        let cluster = try TestCluster.get()
        let image = try await cluster.make(.plain, byteCount: Self.byteCountMax)
        for round in 0..<3 {
            try await Workload(cluster: cluster, spec: image.spec).change(
                seed: 77 + round, byteCountMax: Self.byteCountMax)
            try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@s\(round)")
        }
        let json = try await cluster.rbd("diff", "--format", "json", "--from-snap", "s0", "\(image.spec)@s2")
        struct Listed: Decodable {
            let offset: UInt64
            let length: UInt64
            let exists: String
        }
        let listed = try JSONDecoder().decode([Listed].self, from: Data(json.utf8)).map {
            ChangedExtent(Extent(offset: $0.offset, byteCount: $0.length), $0.exists == "true" ? .data : .zero)
        }
        try await cluster.withSource(image.name) { source in
            let snapshots = try await source.snapshots()
            let found = try await source.withDelta(from: snapshots[0], to: snapshots[2]) { try await $0.allExtents() }
            #expect(found == listed)
        }
        await cluster.discard(image.spec)
    }

    @Test(
        "without an object map to trust, the list is the exact one and there is no estimate", arguments: [true, false])
    func objectMapIsNotTrusted(_ isDisabled: Bool) async throws {
        let cluster = try TestCluster.get()
        let image = try await cluster.make(.plain, byteCount: Self.byteCountMax)
        let workload = Workload(cluster: cluster, spec: image.spec)
        for round in 0..<2 {
            try await workload.change(seed: 5 + round, byteCountMax: Self.byteCountMax)
            try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@s\(round)")
        }
        try await cluster.rbd("feature", "disable", image.spec, "object-map", "fast-diff")
        // Enabled again, the maps of the snapshots are marked invalid until they are rebuilt.
        if !isDisabled { try await cluster.rbd("feature", "enable", image.spec, "object-map", "fast-diff") }
        let contents = [
            try await cluster.export("\(image.spec)@s0"), try await cluster.export("\(image.spec)@s1"),
        ]
        try await cluster.withSource(image.name) { source in
            let snapshots = try await source.snapshots()
            let warnings = try await source.diffWarnings(mode: .hybrid, since: nil)
            #expect(warnings == (isDisabled ? [] : [.objectMapInvalid(at: ["head", "s0", "s1"])]))
            #expect(try await source.diffWarnings(mode: .exact, since: nil) == [])
            let later = try await source.diffWarnings(mode: .hybrid, since: snapshots[1].identity)
            #expect(later == (isDisabled ? [] : [.objectMapInvalid(at: ["head", "s1"])]))
            try await source.withDelta(from: snapshots[0], to: snapshots[1]) { delta in
                #expect(try await delta.changedByteCountEstimate() == nil)
                try await delta.check("delta", turns: contents[0], into: contents[1])
            }
        }
        await cluster.discard(image.spec)
    }

    @Test("an image of no bytes has no changes, before and after it had some")
    func emptyImage() async throws {
        let cluster = try TestCluster.get()
        let image = try await cluster.make(.plain, byteCount: 0)
        try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@empty")
        try await cluster.rbd("resize", "--no-progress", "--size", "8M", image.spec)
        try await Workload(cluster: cluster, spec: image.spec).run("image.write(b'x' * 5000, 12345)")
        try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@full")
        try await cluster.rbd("resize", "--no-progress", "--allow-shrink", "--size", "0", image.spec)
        try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@empty-again")
        let full = try await cluster.export("\(image.spec)@full")
        try await cluster.withSource(image.name) { source in
            let snapshots = try await source.snapshots()
            for (base, target, from, to) in [
                (nil, snapshots[0], [], []), (snapshots[0], snapshots[1], [], full),
                (snapshots[1], snapshots[2], full, []), (snapshots[0], snapshots[2], [], []),
            ] as [(Snapshot?, Snapshot, [UInt8], [UInt8])] {
                try await source.withDelta(from: base, to: target) { delta in
                    _ = try await delta.changedByteCountEstimate()
                    try await delta.check("to \(target.identity)", turns: from, into: to)
                }
            }
        }
        try await cluster.withStore { store in
            let mirror = try #require(try await store.openMirror(image.name))
            let snapshots = try await mirror.snapshots()
            #expect(try await mirror.firstChange(since: nil) == nil)
            #expect(try await mirror.firstChange(since: snapshots.last?.identity) == nil)
            let sizeChange = try await mirror.firstChange(since: snapshots[1].identity)
            #expect(sizeChange == Extent(offset: 0, byteCount: 8 << 20))
            await mirror.close()
        }
        await cluster.discard(image.spec)
    }

    @Test("the first copy of a clone has its parent's bytes")
    func cloneIncludesParent() async throws {
        let cluster = try TestCluster.get()
        let image = try await cluster.make(.clone, byteCount: Self.byteCountMax)
        try await cluster.rbd("snap", "create", "--no-progress", "\(image.spec)@first")
        let expected = try await cluster.export("\(image.spec)@first")
        #expect(expected.contains { $0 != 0 })
        try await cluster.withSource(image.name) { source in
            let target = try #require(try await source.snapshots().last)
            try await source.withDelta(from: nil, to: target) { delta in
                try await delta.check("first copy", turns: [], into: expected)
            }
        }
        await cluster.discard(image.spec)
        await cluster.discard(try #require(image.parent))
    }

    @Test("a list that is longer than what is kept of it goes on where it stopped")
    func manyRuns() async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("many-runs")
        try await cluster.rbd("create", name, "--size", "600M", "--object-size", "4K")
        let workload = Workload(cluster: cluster, spec: "rbd/\(name)")
        // Every other object of 4 KiB, so that there are more runs than are kept at a time.
        try await workload.run(
            """
            pending = []
            for object in range(0, 150000, 2):
                pending.append(image.aio_write(b"x", object * 4096, lambda _: None))
                if len(pending) == 256:
                    for one in pending: one.wait_for_complete_and_cb()
                    pending = []
            image.flush()
            """)
        try await cluster.rbd("snap", "create", "--no-progress", "rbd/\(name)@all")
        try await cluster.withSource(name) { source in
            let target = try #require(try await source.snapshots().last)
            try await source.withDelta(from: nil, to: target) { delta in
                let offsets = try await delta.allExtents().map(\.extent.offset)
                #expect(offsets == (0..<75000).map { $0 * 8192 })
                let tail = try await delta.allExtents(from: 500 << 20).map(\.extent.offset)
                #expect(tail == offsets.filter { $0 >= 500 << 20 })
            }
        }
        await cluster.discard("rbd/\(name)")
    }
}

extension TestCluster {
    struct MadeImage {
        let name: String
        let spec: String
        let parent: String?
    }

    /// Makes what an image of this kind needs and may be there already.
    func prepare(_ kind: ImageKind) async throws {
        if kind == .inNamespace { _ = try? await rbd("namespace", "create", "rbd/customer") }
        if kind == .withDataPool {
            try await ceph("osd", "pool", "create", "rbd-data", "8")
            try await ceph("osd", "pool", "application", "enable", "rbd-data", "rbd")
        }
    }

    func make(_ kind: ImageKind, byteCount: Int) async throws -> MadeImage {
        let name = Self.freshName(kind.rawValue)
        let spec = ["rbd", kind.namespace, name].compactMap(\.self).joined(separator: "/")
        guard kind.isClone else {
            let create = ["-c", confPath, "create", spec, "--size", "\(byteCount)B"]
            _ = try await run("rbd", create + kind.options)
            return MadeImage(name: name, spec: spec, parent: nil)
        }
        let parent = "rbd/" + Self.freshName("parent")
        try await rbd("create", parent, "--size", "\(byteCount)B")
        try await Workload(cluster: self, spec: parent).run(
            "for at in (0, 5, 9, 17, 23): image.write(os.urandom(700000), at << 20)")
        try await rbd("snap", "create", "--no-progress", "\(parent)@s")
        try await rbd("snap", "protect", "\(parent)@s")
        try await rbd("clone", "\(parent)@s", spec)
        return MadeImage(name: name, spec: spec, parent: parent)
    }

    func withSource<Result>(
        _ name: String, _ body: (any SourceImage) async throws -> Result
    ) async throws -> Result {
        try await withStore { store in
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
    }
}
