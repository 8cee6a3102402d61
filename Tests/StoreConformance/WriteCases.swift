import FerryCore
import ImageStore

/// Writes and zeroes, exact to the byte.
let writeCases: [ConformanceCase] = [
    ConformanceCase("writes and zeroes are exact to the byte") { scratch in
        var model = testBytes(9 * mebibyte + 12345)
        try await scratch.create(model)
        let pieces: [(offset: UInt64, bytes: [UInt8])] = [
            (1, testBytes(1, seed: 1)), (4095, testBytes(2, seed: 2)), (4 * mebibyte - 3, testBytes(7, seed: 3)),
            (5 * mebibyte + 511, testBytes(100_001, seed: 4)), (9 * mebibyte + 12344, testBytes(1, seed: 5)),
        ]
        let zeroes = [
            Extent(offset: 8191, byteCount: 2), Extent(offset: mebibyte + 1, byteCount: 4096),
            Extent(offset: 2 * mebibyte, byteCount: mebibyte + 1),
            Extent(offset: 7 * mebibyte + 13, byteCount: 999_983),
            Extent(offset: 9 * mebibyte + 12000, byteCount: 344),
        ]
        for piece in pieces { model.overwrite(at: piece.offset, with: piece.bytes) }
        for extent in zeroes { model.zero(extent) }
        let snapshot = try await scratch.withMirror { mirror in
            try await mirror.write(pieces, zeroes: zeroes)
            return try await mirror.createSnapshot("s1")
        }
        let contents = try await scratch.withSource { try await $0.contents(of: snapshot) }
        try expectBytes("contents", contents, equal: model)
    },
    ConformanceCase("zeroing what was never written changes nothing") { scratch in
        try await scratch.create(byteCount: 9 * mebibyte + 1)
        let snapshot = try await scratch.withMirror { mirror in
            let zeroes = [
                Extent(offset: 3, byteCount: 5), Extent(offset: 4 * mebibyte - 1, byteCount: 5 * mebibyte + 2),
            ]
            try await mirror.write([(mebibyte, [1])], zeroes: zeroes)
            try await mirror.flush()
            return try await mirror.createSnapshot("s1")
        }
        var expected = zeroBytes(9 * mebibyte + 1)
        expected[Int(mebibyte)] = 1
        let contents = try await scratch.withSource { try await $0.contents(of: snapshot) }
        try expectBytes("contents", contents, equal: expected)
    },
    ConformanceCase("a write that reaches past the end is refused") { scratch in
        let byteCount = mebibyte + 9
        try await scratch.create(testBytes(byteCount))
        let snapshot = try await scratch.withMirror { mirror in
            let buffer = DataBuffer([1, 2])
            let bad: [MirrorWrite] = [
                .data(offset: byteCount - 1, range: 0..<2), .data(offset: byteCount, range: 0..<1),
                .data(offset: 1 << 50, range: 0..<1), .zeroes(Extent(offset: byteCount - 1, byteCount: 2)),
                .zeroes(Extent(offset: 0, byteCount: byteCount + 1)), .zeroes(Extent(offset: 1 << 50, byteCount: 1)),
            ]
            for write in bad {
                try await expect("apply of \(write)", throws: .inconsistent) {
                    try await mirror.apply([write], from: buffer)
                }
            }
            try expect("size", try await mirror.headByteCount(), equals: byteCount)
            return try await mirror.createSnapshot("s1")
        }
        try expect("size of the snapshot", snapshot.byteCount, equals: byteCount)
    },
    ConformanceCase("no writes and empty writes are no error") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { mirror in
            let buffer = DataBuffer(byteCount: 0)
            try await mirror.apply([], from: buffer)
            try await mirror.apply(
                [.data(offset: mebibyte, range: 0..<0), .zeroes(Extent(offset: mebibyte, byteCount: 0))], from: buffer)
            try await mirror.flush()
            let change = try await mirror.firstChange(since: nil)
            try expect("firstChange", change, equals: nil)
        }
    },
    ConformanceCase("many writes in one call all arrive") { scratch in
        var model = zeroBytes(8 * mebibyte)
        try await scratch.create(byteCount: 8 * mebibyte)
        let pieces: [(offset: UInt64, bytes: [UInt8])] = (0..<256).map { index in
            (index * 32 * kibibyte + index * 17, testBytes(1 + index * 61, seed: index))
        }
        for piece in pieces { model.overwrite(at: piece.offset, with: piece.bytes) }
        let snapshot = try await scratch.withMirror { mirror in
            try await mirror.write(pieces)
            return try await mirror.createSnapshot("s1")
        }
        try await scratch.withSource { source in
            try await source.withDelta(from: nil, to: snapshot) { delta in
                try await delta.check("contents", turns: [], into: model)
            }
        }
    },
    ConformanceCase("writes after a wipe start from zeros") { scratch in
        try await scratch.create(testBytes(5 * mebibyte + 1))
        var model = zeroBytes(5 * mebibyte + 1)
        model.overwrite(at: 4 * mebibyte - 5, with: [1, 2, 3, 4, 5, 6, 7, 8, 9])
        let snapshot = try await scratch.withMirror { mirror in
            try await mirror.wipe()
            try expect("size", try await mirror.headByteCount(), equals: 5 * mebibyte + 1)
            let change = try await mirror.firstChange(since: nil)
            try expect("firstChange after a wipe", change, equals: nil)
            try await mirror.write([(4 * mebibyte - 5, [1, 2, 3, 4, 5, 6, 7, 8, 9])])
            return try await mirror.createSnapshot("s1")
        }
        try await scratch.withSource { source in
            try await source.withDelta(from: nil, to: snapshot) { delta in
                try await delta.check("contents", turns: [], into: model)
            }
        }
    },
]
