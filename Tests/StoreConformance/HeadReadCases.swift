import FerryCore
import ImageStore

/// Reading a mirror's head.
let headReadCases: [ConformanceCase] = [
    ConformanceCase("a head is read as it was written, from any place in pieces of any size") { scratch in
        var model = testBytes(9 * mebibyte + 12345)
        try await scratch.create(model)
        try await scratch.withMirror { mirror in
            let piece = testBytes(100_001, seed: 4)
            let hole = Extent(offset: 7 * mebibyte + 13, byteCount: 999_983)
            try await mirror.write([(5 * mebibyte + 511, piece)], zeroes: [hole])
            model.overwrite(at: 5 * mebibyte + 511, with: piece)
            model.zero(hole)
            let whole = try await mirror.head(Extent(offset: 0, byteCount: UInt64(model.count)))
            try expectBytes("the whole head", whole, equal: model)
            let part = Extent(offset: 4 * mebibyte - 3, byteCount: 2 * mebibyte + 7)
            let read = try await mirror.head(part)
            try expectBytes("a part of it", read, equal: Array(model[Int(part.offset)..<Int(part.end)]))
        }
    },
    ConformanceCase("what lies behind a head's end reads as zeros") { scratch in
        let bytes = testBytes(mebibyte + 9)
        try await scratch.create(bytes)
        try await scratch.withMirror { mirror in
            let across = try await mirror.head(Extent(offset: mebibyte, byteCount: 4096))
            try expectBytes("across the end", across, equal: Array(bytes[Int(mebibyte)...]) + zeroBytes(4087))
            let behind = try await mirror.head(Extent(offset: 1 << 40, byteCount: 100_000))
            try expectBytes("far behind it", behind, equal: zeroBytes(100_000))
            try await mirror.resize(to: 3 * mebibyte)
            let grown = try await mirror.head(Extent(offset: mebibyte, byteCount: 2 * mebibyte))
            try expectBytes("grown", grown, equal: Array(bytes[Int(mebibyte)...]) + zeroBytes(2 * mebibyte - 9))
            try await mirror.resize(to: 5)
            try await mirror.resize(to: mebibyte)
            let shrunk = try await mirror.head(Extent(offset: 0, byteCount: 10))
            try expectBytes("shrunk", shrunk, equal: Array(bytes[..<5]) + zeroBytes(5))
        }
    },
    ConformanceCase("a head is read beside writes to other places") { scratch in
        let bytes = testBytes(8 * mebibyte)
        try await scratch.create(bytes)
        try await scratch.withMirror { mirror in
            let first = Extent(offset: 0, byteCount: 4 * mebibyte)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 as Range<UInt64> {
                    group.addTask {
                        try await mirror.write([((4 + number / 2) * mebibyte + number, testBytes(1000, seed: number))])
                    }
                    group.addTask {
                        let read = try await mirror.head(first)
                        try expectBytes("the first half", read, equal: Array(bytes[..<Int(first.end)]))
                    }
                }
                try await group.waitForAll()
            }
        }
    },
    ConformanceCase("a head reads as what it is rolled back to, and no reads are no error") { scratch in
        let bytes = testBytes(2 * mebibyte)
        try await scratch.create(bytes)
        try await scratch.withMirror { mirror in
            let snapshot = try await mirror.createSnapshot("s1")
            try await mirror.write([(77, [1, 2, 3])])
            try await mirror.rollBack(to: snapshot.identity)
            let read = try await mirror.head(Extent(offset: 0, byteCount: 2 * mebibyte))
            try expectBytes("the head", read, equal: bytes)
            try await mirror.read([], into: DataBuffer(byteCount: 0))
            try await mirror.read([BufferRead(Extent(offset: 5, byteCount: 0), at: 1)], into: DataBuffer(byteCount: 1))
        }
    },
    ConformanceCase("a read that does not fit in its buffer is refused") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { mirror in
            let buffer = DataBuffer(byteCount: 10)
            for (byteCount, position) in [(11, 0), (5, 6), (1, 11), (1, -1)] as [(UInt64, Int)] {
                let read = BufferRead(Extent(offset: 0, byteCount: byteCount), at: position)
                try await expect("\(read)", throws: .inconsistent) { try await mirror.read([read], into: buffer) }
            }
        }
    },
]

extension MirrorImage {
    /// The head's bytes in `extent`, read in pieces side by side.
    func head(_ extent: Extent) async throws -> [UInt8] {
        let buffer = DataBuffer(byteCount: Int(extent.byteCount))
        let pieceByteCount: UInt64 = 300_007
        let reads = stride(from: 0, to: extent.byteCount, by: Int(pieceByteCount)).map { position in
            let byteCount = min(pieceByteCount, extent.byteCount - position)
            return BufferRead(Extent(offset: extent.offset + position, byteCount: byteCount), at: Int(position))
        }
        try await read(reads, into: buffer)
        return buffer.bytes(in: 0..<buffer.byteCount)
    }
}
