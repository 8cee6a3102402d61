import FerryCore
import ImageStore
import TestSupport

/// Deltas: extents and reads.
let deltaCases: [ConformanceCase] = [
    ConformanceCase("a delta holds every byte that differs") { scratch in
        let made = try await scratch.createTwoSnapshots()
        try await scratch.check(from: made.first, to: made.second)
        try await scratch.withSource { source in
            for mode in DiffMode.changeLists {
                try await source.withDelta(from: nil, to: made.second.0, mode: mode) { delta in
                    try await delta.check("full delta, \(mode)", turns: [], into: made.second.1)
                }
            }
        }
    },
    ConformanceCase("a delta between snapshots with nothing written in between is empty") { scratch in
        try await scratch.create(testBytes(5 * mebibyte + 3))
        let (first, second) = try await scratch.withMirror { mirror in
            (try await mirror.createSnapshot("s1"), try await mirror.createSnapshot("s2"))
        }
        try await scratch.withSource { source in
            for mode in DiffMode.changeLists {
                let extents = try await source.withDelta(from: first, to: second, mode: mode) { delta in
                    try await delta.allExtents()
                }
                try expect("extents, \(mode)", extents, equals: [])
            }
        }
    },
    ConformanceCase("changed objects hold every changed extent") { scratch in
        let made = try await scratch.createTwoSnapshots()
        try await scratch.withSource { source in
            for base in [nil, made.first.0] {
                try await source.withDelta(from: base, to: made.second.0) { delta in
                    let objects = try await delta.allChangedObjects()
                    for changed in try await delta.allExtents() {
                        let isInside = objects.contains {
                            $0.extent.offset <= changed.extent.offset && changed.extent.end <= $0.extent.end
                        }
                        try expect("\(changed.extent) is inside of an object", isInside, found: "\(objects)")
                    }
                }
            }
        }
    },
    ConformanceCase("a full delta of an image that was never written is empty") { scratch in
        try await scratch.create(byteCount: 9 * mebibyte + 1)
        let snapshot = try await scratch.withMirror { try await $0.createSnapshot("s1") }
        try await scratch.withSource { source in
            let extents = try await source.withDelta(from: nil, to: snapshot) { try await $0.allExtents() }
            try expect("extents", extents, equals: [])
            let contents = try await source.contents(of: snapshot)
            try expectBytes("contents", contents, equal: zeroBytes(9 * mebibyte + 1))
        }
    },
    ConformanceCase("extents from an offset are the same ones, cut there") { scratch in
        let made = try await scratch.createTwoSnapshots()
        try await scratch.withSource { source in
            for base in [nil, made.first.0] {
                for mode in DiffMode.changeLists {
                    try await source.withDelta(from: base, to: made.second.0, mode: mode) { delta in
                        try await delta.checkOffsets(seed: 11)
                    }
                }
            }
        }
    },
    ConformanceCase("reads go where they were asked to go") { scratch in
        let bytes = testBytes(9 * mebibyte + 5)
        try await scratch.create(bytes)
        let snapshot = try await scratch.withMirror { try await $0.createSnapshot("s1") }
        try await scratch.withSource { source in
            try await source.withDelta(from: nil, to: snapshot) { delta in
                let buffer = DataBuffer([UInt8](repeating: 0xEE, count: 200_000))
                let reads = [
                    BufferRead(Extent(offset: 9 * mebibyte + 4, byteCount: 1), at: 199_999),
                    BufferRead(Extent(offset: 4 * mebibyte - 100, byteCount: 200), at: 1),
                    BufferRead(Extent(offset: 0, byteCount: 100_000), at: 1000),
                ]
                try await delta.read(reads, into: buffer)
                var expected = [UInt8](repeating: 0xEE, count: 200_000)
                for read in reads {
                    let range = Int(read.extent.offset)..<Int(read.extent.end)
                    expected.overwrite(at: UInt64(read.position), with: Array(bytes[range]))
                }
                try expectBytes("buffer", buffer.bytes(in: 0..<200_000), equal: expected)
            }
        }
    },
    ConformanceCase("reads of holes give zeros") { scratch in
        try await scratch.create(byteCount: 9 * mebibyte)
        let snapshot = try await scratch.withMirror { mirror in
            try await mirror.write([(5 * mebibyte, [7])])
            return try await mirror.createSnapshot("s1")
        }
        try await scratch.withSource { source in
            try await source.withDelta(from: nil, to: snapshot) { delta in
                let buffer = DataBuffer([UInt8](repeating: 0xEE, count: 64))
                let read = BufferRead(Extent(offset: 5 * mebibyte - 10, byteCount: 20), at: 10)
                try await delta.read([read], into: buffer)
                var expected = [UInt8](repeating: 0xEE, count: 64)
                expected.overwrite(at: 10, with: zeroBytes(20))
                expected[20] = 7
                try expectBytes("buffer", buffer.bytes(in: 0..<64), equal: expected)
            }
        }
    },
    ConformanceCase("a delta shows its target while the head moves on") { scratch in
        let bytes = testBytes(5 * mebibyte)
        try await scratch.create(bytes)
        let snapshot = try await scratch.withMirror { try await $0.createSnapshot("s1") }
        try await scratch.withSource { source in
            let pinned = try await source.pin(snapshot.identity)
            try expect("pin", pinned)
            try await source.withDelta(from: nil, to: snapshot) { delta in
                try await scratch.withMirror { mirror in
                    try await mirror.write([(mebibyte, testBytes(mebibyte, seed: 3))])
                    try await mirror.flush()
                    try await mirror.resize(to: 2 * mebibyte)
                }
                try await delta.check("contents", turns: [], into: bytes)
            }
        }
    },
]

extension ScratchImage {
    /// An image with two snapshots that differ in many places, with what each holds.
    func createTwoSnapshots() async throws -> (first: (Snapshot, [UInt8]), second: (Snapshot, [UInt8])) {
        let byteCount = 12 * mebibyte + 4321
        var first = zeroBytes(byteCount)
        let old: [(offset: UInt64, bytes: [UInt8])] = [
            (0, testBytes(3 * mebibyte)), (4 * mebibyte + 777, testBytes(2 * mebibyte)),
            (12 * mebibyte, testBytes(4321)),
        ]
        for piece in old { first.overwrite(at: piece.offset, with: piece.bytes) }
        var second = first
        let new: [(offset: UInt64, bytes: [UInt8])] = [
            (5, [1, 2, 3]), (mebibyte, testBytes(64 * kibibyte, seed: 2)), (3 * mebibyte - 1, testBytes(3, seed: 3)),
            (9 * mebibyte + 4095, testBytes(70_000, seed: 4)), (byteCount - 1, [9]),
        ]
        let zeroes = [
            Extent(offset: 2 * mebibyte + 5, byteCount: 4096), Extent(offset: 4 * mebibyte, byteCount: mebibyte),
            Extent(offset: 7 * mebibyte, byteCount: mebibyte),
        ]
        for piece in new { second.overwrite(at: piece.offset, with: piece.bytes) }
        for extent in zeroes { second.zero(extent) }
        try await create(byteCount: byteCount)
        let snapshots = try await withMirror { mirror in
            try await mirror.write(old)
            let first = try await mirror.createSnapshot("s1")
            try await mirror.write(new, zeroes: zeroes)
            return (first, try await mirror.createSnapshot("s2"))
        }
        return ((snapshots.0, first), (snapshots.1, second))
    }
}

extension Delta {
    /// Checks that the list from any offset is the whole list, cut there.
    func checkOffsets(seed: UInt64) async throws {
        let all = try await allExtents()
        try expect("the delta is not empty", !all.isEmpty)
        var generator = SeededGenerator(seed: seed)
        var offsets: [UInt64] = [1, 4095, 4096, byteCount - 1, byteCount]
        for changed in all.prefix(4) + all.suffix(4) {
            offsets += [changed.extent.offset, changed.extent.offset + 1, changed.extent.end - 1, changed.extent.end]
        }
        for _ in 0..<40 { offsets.append(UInt64.random(in: 0..<byteCount, using: &generator)) }
        for offset in offsets {
            let tail = try await allExtents(from: offset)
            try expect("extents from \(offset), seed \(seed)", tail, equals: all.clipped(from: offset))
        }
    }
}
