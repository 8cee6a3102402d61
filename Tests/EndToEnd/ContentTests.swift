import Testing

extension EndToEnd {
    @Suite("The mirror of every published snapshot is equal", .serialized, .timeLimit(.minutes(3)))
    struct ContentTests {
        private let mebibyte = 1 << 20

        @Test("after a first copy and after increments with writes, zeros and discards", arguments: StageKind.available)
        func increments(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let image = stage.sourceImage()
                try await image.create(byteCount: 24 * mebibyte)
                try await image.change(
                    .scatter(seed: 1, count: 30, byteCountMax: 600_000),
                    .text(seed: 1, offset: 20 * mebibyte, byteCount: 3 * mebibyte))
                #expect(try await stage.sync().status == 0)
                for round in 2...4 {
                    try await image.change(
                        .scatter(seed: round, count: 10, byteCountMax: 200_000),
                        .zero(offset: round * mebibyte + 5, byteCount: mebibyte),
                        .discard(offset: (round * 5 - 3) * mebibyte, byteCount: 5 * mebibyte),
                        .scatter(seed: round + 10, count: 5, byteCountMax: 4096))
                    #expect(try await stage.sync().status == 0)
                }
                try await stage.expectEqual(snapshotCount: 4)
            }
        }

        @Test("after the image grew, shrank, and did both between two syncs", arguments: StageKind.available)
        func resized(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let image = try await stage.makeSource(byteCount: 10 * mebibyte)
                #expect(try await stage.sync().status == 0)
                for (round, sizes) in [[15], [6], [1, 14], [20, 3]].enumerated() {
                    for size in sizes {
                        try await image.change(.resize(byteCount: size * mebibyte + 512))
                        try await image.change(.scatter(seed: round, count: 4, byteCountMax: 100_000))
                    }
                    #expect(try await stage.sync().status == 0)
                }
                try await stage.expectEqual(snapshotCount: 5)
            }
        }

        @Test("when the image has no bytes or an odd number of them", arguments: StageKind.available)
        func sizes(kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let image = stage.sourceImage()
                try await image.create(byteCount: 0)
                #expect(try await stage.sync().status == 0)
                for size in [777, 5 * mebibyte + 777, 0] {
                    try await image.change(.resize(byteCount: size), .write(seed: 1, offset: 0, byteCount: size))
                    #expect(try await stage.sync().status == 0)
                }
                try await stage.expectEqual(snapshotCount: 4)
            }
        }
    }

    @Suite(
        "Every layout of an image in Ceph is mirrored", .serialized, .timeLimit(.minutes(2)),
        .enabled(if: Cluster.areThere))
    struct LayoutTests {
        private let mebibyte = 1 << 20

        @Test(
            "with stripes, small objects, few features",
            arguments: [
                ["--stripe-unit", "65536", "--stripe-count", "4"], ["--object-size", "1M"],
                ["--image-feature", "layering"],
            ])
        func options(options: [String]) async throws {
            try await Stage.with(.clusters) { stage in try await syncTwice(stage, options) }
        }

        @Test("whose data are in another pool, on both sides")
        func dataPool() async throws {
            let (first, second) = (try #require(Cluster.first), try #require(Cluster.second))
            for cluster in [first, second] {
                try await cluster.ceph("osd", "pool", "create", "e2e-data", "8")
                try await cluster.rbd("pool", "init", "e2e-data")
            }
            try await Stage.with(source: .ceph(first), mirror: .ceph(second, dataPool: "e2e-data")) { stage in
                try await syncTwice(stage, ["--data-pool", "e2e-data"])
                #expect(try await second.rbd("info", stage.mirrorImage().spec).contains("data_pool: e2e-data"))
            }
        }

        @Test("in a RADOS namespace")
        func namespace() async throws {
            let (first, second) = (try #require(Cluster.first), try #require(Cluster.second))
            if try await !first.rbd("namespace", "ls", "rbd").contains("e2e") {
                try await first.rbd("namespace", "create", "rbd/e2e")
            }
            try await Stage.with(source: .ceph(first, namespace: "e2e"), mirror: .ceph(second)) { stage in
                try await syncTwice(stage, [])
            }
        }

        @Test("that is a clone: the first copy brings the parent's data")
        func clone() async throws {
            let cluster = try #require(Cluster.first)
            try await Stage.with(.clusters) { stage in
                let parent = try await stage.makeSource("vm-parent", byteCount: 12 * mebibyte)
                try await cluster.rbd("snap", "create", "--no-progress", "\(parent.spec)@base")
                try await cluster.rbd(
                    "clone", "--rbd-default-clone-format", "2", "\(parent.spec)@base", stage.sourceImage().spec)
                try await stage.sourceImage().change(.scatter(seed: 2, count: 5, byteCountMax: 100_000))
                let first = try await stage.sync()
                #expect(first.status == 0 && first.steps[0].contentBytes > 12 * mebibyte)
                try await stage.sourceImage().change(
                    .scatter(seed: 3, count: 5, byteCountMax: 100_000),
                    .discard(offset: 4 * mebibyte, byteCount: 4 * mebibyte))
                #expect(try await stage.sync().status == 0)
                try await stage.expectEqual(snapshotCount: 2)
            }
        }

        private func syncTwice(_ stage: Stage, _ options: [String]) async throws {
            let image = stage.sourceImage()
            try await image.create(byteCount: 18 * mebibyte + 512, options: options)
            try await image.change(.scatter(seed: 1, count: 20, byteCountMax: 600_000))
            #expect(try await stage.sync().status == 0)
            try await image.change(
                .scatter(seed: 2, count: 10, byteCountMax: 200_000),
                .discard(offset: 3 * mebibyte, byteCount: 6 * mebibyte))
            #expect(try await stage.sync().status == 0)
            try await stage.expectEqual(snapshotCount: 2)
        }
    }
}
