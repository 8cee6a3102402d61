import FerryCore
import FoundationEssentials
import ImageStore

/// An id that no snapshot of this suite has.
private let unknownSnapshot = SnapshotIdentity(id: 1 << 40, name: "s1")

/// Snapshots: ids, names, removal.
let snapshotCases: [ConformanceCase] = [
    ConformanceCase("snapshots are listed in ascending order of id") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let (made, listed) = try await scratch.withMirror { mirror in
            var made: [Snapshot] = []
            for name in ["zulu", "alpha", "mike"] { made.append(try await mirror.createSnapshot(name)) }
            return (made, try await mirror.snapshots())
        }
        try expect("snapshots", listed, equals: made)
        try expect("names", made.map(\.identity.name), equals: ["zulu", "alpha", "mike"])
        try expect("ids ascend", zip(made, made.dropFirst()).allSatisfy { $0.identity.id < $1.identity.id })
        let source = try await scratch.withSource { try await $0.snapshots() }
        try expect("snapshots of the source", source, equals: made)
    },
    ConformanceCase("a source image makes and removes snapshots too") { scratch in
        let bytes = testBytes(mebibyte)
        try await scratch.create(bytes)
        try await scratch.withSource { source in
            try expect("snapshots before", try await source.snapshots(), equals: [])
            let snapshot = try await source.createSnapshot("s1")
            try expect("snapshots", try await source.snapshots(), equals: [snapshot])
            try expectBytes("contents", try await source.contents(of: snapshot), equal: bytes)
            try await source.removeSnapshot(snapshot.identity)
            try expect("snapshots after", try await source.snapshots(), equals: [])
        }
    },
    ConformanceCase("a snapshot says when it was made, and always says the same") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let start = Date()
            let first = try await source.createSnapshot("s1")
            let second = try await source.createSnapshot("s2", quiesce: .skip)
            try expect("order", first.createdAt <= second.createdAt, found: "\(first) \(second)")
            // Clocks of stores are their own; those of tests are not minutes apart.
            try expect("made now", abs(first.createdAt.timeIntervalSince(start)) < 60, found: "\(first) at \(start)")
            let listed = try await scratch.withSource { try await $0.snapshots() }
            try expect("times", listed.map(\.createdAt), equals: [first.createdAt, second.createdAt])
        }
    },
    ConformanceCase("a snapshot made later shows in an image that is already open") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let before = try await source.snapshots()
            let snapshot = try await scratch.withMirror { try await $0.createSnapshot("s1") }
            try expect("snapshots", try await source.snapshots(), equals: before + [snapshot])
        }
    },
    ConformanceCase("a snapshot name that is used again gets a new id") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { mirror in
            let first = try await mirror.createSnapshot("s1")
            try await mirror.removeSnapshot(first.identity)
            let second = try await mirror.createSnapshot("s1")
            try expect("id grew", second.identity.id > first.identity.id, found: "\(second.identity)")
            try await expect("removeSnapshot of the old id", throws: .notFound) {
                try await mirror.removeSnapshot(first.identity)
            }
            try expect("snapshots", try await mirror.snapshots(), equals: [second])
        }
    },
    ConformanceCase("a taken snapshot name is refused") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { mirror in
            let first = try await mirror.createSnapshot("s1")
            try await expect("createSnapshot", throws: .alreadyExists) { try await mirror.createSnapshot("s1") }
            try expect("snapshots", try await mirror.snapshots(), equals: [first])
        }
    },
    ConformanceCase("an unknown snapshot id is not found, whatever its name") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let snapshot = try await scratch.withMirror { mirror in
            let snapshot = try await mirror.createSnapshot("s1")
            try await expect("removeSnapshot", throws: .notFound) { try await mirror.removeSnapshot(unknownSnapshot) }
            try await expect("rollBack", throws: .notFound) { try await mirror.rollBack(to: unknownSnapshot) }
            try await expect("firstChange", throws: .notFound) {
                try await mirror.firstChange(since: unknownSnapshot)
            }
            return snapshot.identity
        }
        try await scratch.withSource { source in
            try await expect("openDelta to it", throws: .notFound) {
                try await source.openDelta(from: nil, to: unknownSnapshot, mode: .exact)
            }
            try await expect("openDelta from it", throws: .notFound) {
                try await source.openDelta(from: unknownSnapshot, to: snapshot, mode: .hybrid)
            }
        }
    },
    ConformanceCase("removing a snapshot in the middle keeps its neighbours' contents") { scratch in
        let bytes = (1...3).map { testBytes(mebibyte, seed: $0) }
        try await scratch.create(byteCount: mebibyte)
        let made = try await scratch.withMirror { mirror in
            var made: [Snapshot] = []
            for (index, bytes) in bytes.enumerated() {
                try await mirror.write([(0, bytes)])
                made.append(try await mirror.createSnapshot("s\(index)"))
            }
            try await mirror.removeSnapshot(made[1].identity)
            return made
        }
        try await scratch.check(from: (made[0], bytes[0]), to: (made[2], bytes[2]))
    },
]

/// Pins: what keeps a snapshot from being removed while a delta of it is sent.
let pinCases: [ConformanceCase] = [
    ConformanceCase("a pinned snapshot can't be removed until it is unpinned") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let snapshot = try await source.createSnapshot("s1").identity
            try expect("first pin", try await source.pin(snapshot), equals: true)
            try await expect("removeSnapshot", throws: .locked) { try await source.removeSnapshot(snapshot) }
            try await expect("removeSnapshot by another", throws: .locked) {
                try await scratch.withSource { try await $0.removeSnapshot(snapshot) }
            }
            try expect("second pin", try await source.pin(snapshot), equals: false)
            try expect("snapshots", try await source.snapshots().map(\.identity), equals: [snapshot])
            try expect("pinned", try await source.snapshots().map(\.isPinned), equals: [true])
            try await source.unpin(snapshot)
            try expect("pinned", try await source.snapshots().map(\.isPinned), equals: [false])
            try await source.removeSnapshot(snapshot)
            try expect("snapshots", try await source.snapshots(), equals: [])
        }
    },
    ConformanceCase("a pin outlives the one who made it, and anyone takes it away") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let snapshot = try await scratch.withSource { source in
            let snapshot = try await source.createSnapshot("s1").identity
            try expect("pin", try await source.pin(snapshot), equals: true)
            return snapshot
        }
        try await scratch.withSource { source in
            try expect("pin of another", try await source.pin(snapshot), equals: false)
            try await source.unpin(snapshot)
            try await source.unpin(snapshot)
            try await source.removeSnapshot(snapshot)
        }
    },
    ConformanceCase("a snapshot that is gone can't be pinned, and unpinning it is no error") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let snapshot = try await source.createSnapshot("s1").identity
            try await source.removeSnapshot(snapshot)
            try await expect("pin", throws: .notFound) { try await source.pin(snapshot) }
            try await source.unpin(snapshot)
        }
    },
    ConformanceCase("a pin goes by id, not by name") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let first = try await source.createSnapshot("s1").identity
            try await source.removeSnapshot(first)
            let second = try await source.createSnapshot("s1").identity
            try await expect("pin of the old id", throws: .notFound) { try await source.pin(first) }
            try expect("pin of the new id", try await source.pin(second), equals: true)
            try await source.unpin(first)
            try await expect("removeSnapshot", throws: .locked) { try await source.removeSnapshot(second) }
            try await source.unpin(second)
        }
    },
    ConformanceCase("changes are made one after another, up to the first that fails") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let gone = try await source.createSnapshot("s0").identity
            let first = try await source.createSnapshot("s1").identity
            let second = try await source.createSnapshot("s2").identity
            try await source.removeSnapshot(gone)
            func note(_ value: String) -> SourceChange {
                .setMetadata(ImageMetadata(key: "rbd-ferry.note", value: value))
            }
            func state() async throws -> [String?] {
                let pinned = try await source.snapshots().filter(\.isPinned).map(\.identity.name)
                return [try await source.metadata("rbd-ferry.note")] + pinned
            }
            try await source.carryOut([])
            try await source.carryOut([note("a"), .pin(first), .pin(second), .pin(second), .unpinUnlessCloned(gone)])
            try expect("all", try await state(), equals: ["a", "s1", "s2"])
            try await expect("one that fails", throws: .notFound) {
                try await source.carryOut([note("b"), .unpinUnlessCloned(first), .pin(gone), note("c")])
            }
            try expect("up to it", try await state(), equals: ["b", "s2"])
            try await source.carryOut([.unpinUnlessCloned(second), .unpinUnlessCloned(second), note("d")])
            try expect("at last", try await state(), equals: ["d"])
            try await source.carryOut([.pin(first), .pin(second), .unpinUnlessCloned(first)])
            try expect("pinned and unpinned", try await state(), equals: ["d", "s2"])
            try await source.unpin(second)
        }
    },
]
