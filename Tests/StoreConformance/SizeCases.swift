import FerryCore
import ImageStore

/// Sizes, and what a change of size does.
let sizeCases: [ConformanceCase] =
    [0, 1, 4095, 9 * mebibyte + 12345].map { byteCount in
        ConformanceCase("an image of \(byteCount) bytes holds \(byteCount) bytes") { scratch in
            let bytes = testBytes(byteCount)
            try await scratch.create(bytes)
            let snapshot = try await scratch.withMirror { mirror in
                try expect("size", try await mirror.headByteCount(), equals: byteCount)
                return try await mirror.createSnapshot("s1")
            }
            try expect("size of the snapshot", snapshot.byteCount, equals: byteCount)
            try await scratch.withSource { source in
                try expect("size of the source", try await source.headByteCount(), equals: byteCount)
                try await source.withDelta(from: nil, to: snapshot) { delta in
                    try await delta.check("contents", turns: [], into: bytes)
                    let batch = try await delta.extents(from: byteCount)
                    try expect("batch at the end", batch, equals: ExtentBatch(extents: [], scannedTo: byteCount))
                }
            }
        }
    } + [
        ConformanceCase("an image grows with zeros") { scratch in
            let bytes = testBytes(mebibyte + 77)
            try await scratch.create(bytes)
            let (first, second) = try await scratch.withMirror { mirror in
                let first = try await mirror.createSnapshot("s1")
                try await mirror.resize(to: 3 * mebibyte + 5)
                try expect("size", try await mirror.headByteCount(), equals: 3 * mebibyte + 5)
                return (first, try await mirror.createSnapshot("s2"))
            }
            var grown = bytes
            grown.resize(to: 3 * mebibyte + 5)
            try expect("size of the first snapshot", first.byteCount, equals: mebibyte + 77)
            try expect("size of the second snapshot", second.byteCount, equals: 3 * mebibyte + 5)
            try await scratch.check(from: (first, bytes), to: (second, grown))
        },
        ConformanceCase("a shrunk image loses its tail") { scratch in
            let bytes = testBytes(6 * mebibyte)
            try await scratch.create(bytes)
            let (first, second) = try await scratch.withMirror { mirror in
                let first = try await mirror.createSnapshot("s1")
                try await mirror.resize(to: mebibyte + 1)
                try expect("size", try await mirror.headByteCount(), equals: mebibyte + 1)
                return (first, try await mirror.createSnapshot("s2"))
            }
            var shrunk = bytes
            shrunk.resize(to: mebibyte + 1)
            try await scratch.check(from: (first, bytes), to: (second, shrunk))
        },
        ConformanceCase("what a shrink cut off reads as zeros after growing back, and is in the delta") { scratch in
            let bytes = testBytes(6 * mebibyte)
            try await scratch.create(bytes)
            let (first, second) = try await scratch.withMirror { mirror in
                let first = try await mirror.createSnapshot("s1")
                try await mirror.resize(to: mebibyte + 1)
                try await mirror.resize(to: 6 * mebibyte)
                return (first, try await mirror.createSnapshot("s2"))
            }
            var cut = bytes
            cut.resize(to: mebibyte + 1)
            cut.resize(to: 6 * mebibyte)
            try await scratch.check(from: (first, bytes), to: (second, cut))
        },
        ConformanceCase("an image shrinks to nothing and back") { scratch in
            try await scratch.create(testBytes(mebibyte))
            let snapshot = try await scratch.withMirror { mirror in
                try await mirror.resize(to: 0)
                try expect("size", try await mirror.headByteCount(), equals: 0)
                try await mirror.resize(to: mebibyte)
                return try await mirror.createSnapshot("s1")
            }
            let contents = try await scratch.withSource { try await $0.contents(of: snapshot) }
            try expectBytes("contents", contents, equal: zeroBytes(mebibyte))
        },
    ]

extension ScratchImage {
    /// Checks the full delta of both snapshots, and the delta between them, in both modes.
    func check(from base: (Snapshot, [UInt8]), to target: (Snapshot, [UInt8])) async throws {
        try await withSource { source in
            for mode in DiffMode.changeLists {
                try await source.withDelta(from: nil, to: base.0, mode: mode) { delta in
                    try await delta.check("full delta to \(base.0.identity), \(mode)", turns: [], into: base.1)
                }
                try await source.withDelta(from: base.0, to: target.0, mode: mode) { delta in
                    let subject = "delta \(base.0.identity) to \(target.0.identity), \(mode)"
                    try await delta.check(subject, turns: base.1, into: target.1)
                }
            }
            let contents = try await source.contents(of: target.0)
            try expectBytes("contents of \(target.0.identity)", contents, equal: target.1)
        }
    }
}
