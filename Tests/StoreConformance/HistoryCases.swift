import FerryCore
import ImageStore

/// Rolling back, and finding out whether somebody wrote.
let historyCases: [ConformanceCase] = [
    ConformanceCase("a roll-back restores contents and keeps the snapshots") { scratch in
        let made = try await scratch.createTwoSnapshots()
        let again = try await scratch.withMirror { mirror in
            try await mirror.write([(100, testBytes(mebibyte, seed: 21))])
            try await mirror.rollBack(to: made.first.0.identity)
            let listed = try await mirror.snapshots()
            try expect("snapshots", listed, equals: [made.first.0, made.second.0])
            return try await mirror.createSnapshot("again")
        }
        try await scratch.withSource { source in
            let contents = try await source.contents(of: again)
            try expectBytes("contents after the roll-back", contents, equal: made.first.1)
            try await source.withDelta(from: made.second.0, to: again) { delta in
                try await delta.check("delta back", turns: made.second.1, into: made.first.1)
            }
            try expectBytes(
                "contents of the later snapshot", try await source.contents(of: made.second.0), equal: made.second.1)
        }
    },
    ConformanceCase("a roll-back restores the size, smaller or larger") { scratch in
        let bytes = testBytes(3 * mebibyte + 17)
        try await scratch.create(bytes)
        let (shrunk, grown) = try await scratch.withMirror { mirror in
            let first = try await mirror.createSnapshot("s1")
            try await mirror.resize(to: mebibyte)
            try await mirror.rollBack(to: first.identity)
            try expect("size after growing back", try await mirror.headByteCount(), equals: first.byteCount)
            let shrunk = try await mirror.createSnapshot("s2")
            try await mirror.resize(to: 9 * mebibyte)
            try await mirror.write([(8 * mebibyte, testBytes(kibibyte))])
            try await mirror.rollBack(to: first.identity)
            try expect("size after shrinking back", try await mirror.headByteCount(), equals: first.byteCount)
            return (shrunk, try await mirror.createSnapshot("s3"))
        }
        try await scratch.withSource { source in
            try expectBytes("contents", try await source.contents(of: shrunk), equal: bytes)
            try expectBytes("contents", try await source.contents(of: grown), equal: bytes)
        }
    },
    ConformanceCase("a delta applied after a roll-back gives its target") { scratch in
        let made = try await scratch.createTwoSnapshots()
        let third = try await scratch.withMirror { mirror in
            try await mirror.rollBack(to: made.first.0.identity)
            try await mirror.write([(4 * mebibyte, testBytes(10, seed: 5))])
            return try await mirror.createSnapshot("s3")
        }
        var expected = made.first.1
        expected.overwrite(at: 4 * mebibyte, with: testBytes(10, seed: 5))
        try await scratch.check(from: made.first, to: (third, expected))
        try await scratch.check(from: made.second, to: (third, expected))
    },
]

/// `firstChange`: has somebody written since?
let firstChangeCases: [ConformanceCase] = [
    ConformanceCase("nothing has changed right after a snapshot, and a write shows") { scratch in
        try await scratch.create(testBytes(9 * mebibyte))
        try await scratch.withMirror { mirror in
            let snapshot = try await mirror.createSnapshot("s1").identity
            try expect("unchanged", try await mirror.firstChange(since: snapshot), equals: nil)
            try await mirror.write([(5 * mebibyte + 3, [1]), (8 * mebibyte, [2])])
            try await mirror.flush()
            let change = try await mirror.firstChange(since: snapshot)
            try expect(
                "the change at 5 MiB + 3 is found",
                change.map { $0.offset <= 5 * mebibyte + 3 && $0.byteCount > 0 } ?? false,
                found: "\(String(describing: change))")
            let later = try await mirror.createSnapshot("s2").identity
            try expect("unchanged since s2", try await mirror.firstChange(since: later), equals: nil)
            let sinceFirst = try await mirror.firstChange(since: snapshot)
            try expect("still changed since s1", sinceFirst != nil)
        }
    },
    ConformanceCase("a head that was rolled back is unchanged until it is written to again") { scratch in
        try await scratch.create(testBytes(9 * mebibyte))
        try await scratch.withMirror { mirror in
            let snapshot = try await mirror.createSnapshot("s1").identity
            try await mirror.write([(5 * mebibyte + 3, [1])], zeroes: [Extent(offset: 0, byteCount: mebibyte)])
            try await mirror.resize(to: 7 * mebibyte)
            try await mirror.flush()
            try await mirror.rollBack(to: snapshot)
            try expect("unchanged", try await mirror.firstChange(since: snapshot), equals: nil)
            try await mirror.write([(6 * mebibyte, [1])])
            try await mirror.flush()
            let change = try await mirror.firstChange(since: snapshot)
            try expect("changed", change != nil)
        }
    },
    ConformanceCase("zeroes over data show as a change") { scratch in
        try await scratch.create(testBytes(5 * mebibyte))
        try await scratch.withMirror { mirror in
            let snapshot = try await mirror.createSnapshot("s1").identity
            try await mirror.write([], zeroes: [Extent(offset: 4 * mebibyte + 1, byteCount: 1)])
            try await mirror.flush()
            let change = try await mirror.firstChange(since: snapshot)
            try expect("changed", change != nil)
        }
    },
    ConformanceCase("a changed size shows as a change") { scratch in
        try await scratch.create(byteCount: 4 * mebibyte)
        try await scratch.withMirror { mirror in
            let snapshot = try await mirror.createSnapshot("s1").identity
            try await mirror.resize(to: 4 * mebibyte + 1)
            let grown = try await mirror.firstChange(since: snapshot)
            try expect("grown", grown != nil)
            try await mirror.resize(to: mebibyte)
            let shrunk = try await mirror.firstChange(since: snapshot)
            try expect("shrunk", shrunk != nil)
        }
    },
    ConformanceCase("an image without snapshots is unchanged until it is written") { scratch in
        try await scratch.create(byteCount: 9 * mebibyte + 1)
        try await scratch.withMirror { mirror in
            try expect("unchanged", try await mirror.firstChange(since: nil), equals: nil)
            try await mirror.write([(9 * mebibyte, [1])])
            try await mirror.flush()
            let change = try await mirror.firstChange(since: nil)
            try expect("changed", change != nil)
            try await mirror.wipe()
            try expect("unchanged after a wipe", try await mirror.firstChange(since: nil), equals: nil)
        }
    },
]
