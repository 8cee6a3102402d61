import FerryCore
import Glibc
import ImageStore
import TestSupport
import Testing

@testable import DirectoryStore

/// A random file, and a copy of it that is changed.
struct FilePair {
    let folder: FileDescriptor
    let base: FileDescriptor
    let target: FileDescriptor
    private let files: TestFileSystem

    init(_ files: TestFileSystem, baseByteCount: UInt64, _ generator: inout SeededGenerator) throws {
        self.files = files
        folder = try FileDescriptor.openFolder(path: try files.makeFolder(), "open")
        base = try folder.makeTemporaryFile("make").file
        target = try folder.makeTemporaryFile("make").file
        try base.truncate(to: baseByteCount, "resize")
        for _ in 0..<6 { try base.change(&generator) }
        try target.becomeCopy(of: base, "copy")
    }

    func changeTarget(_ generator: inout SeededGenerator) throws {
        for _ in 0..<6 { try target.change(&generator) }
        if Bool.random(using: &generator) {
            try target.truncate(to: UInt64.random(in: 0...32 << 20, using: &generator), "resize")
        }
        // Now what is new in the target is shared too, though not with the base.
        try folder.makeTemporaryFile("make").file.becomeCopy(of: target, "copy")
    }

    func comparison(usingShared: Bool) throws -> FileComparison {
        FileComparison(
            base: base, baseByteCount: try base.byteCount("read"), target: target,
            targetByteCount: try target.byteCount("read"), usesSharedExtents: usingShared)
    }

    func extents(usingShared: Bool, from offset: UInt64 = 0) throws -> [ChangedExtent] {
        let comparison = try comparison(usingShared: usingShared)
        var all: [ChangedExtent] = []
        var position = offset
        while position < comparison.targetByteCount {
            let batch = try comparison.extents(from: position, "compare")
            try #require(batch.scannedTo > position)
            all += batch.extents
            position = batch.scannedTo
        }
        return all
    }

    func checkCoversDifferences(_ extents: [ChangedExtent], _ comment: Comment) throws {
        let expected = try target.contents()
        var made = Array(try base.contents().prefix(expected.count))
        made += [UInt8](repeating: 0, count: expected.count - made.count)
        for changed in extents {
            let range = Int(changed.extent.offset)..<Int(changed.extent.end)
            switch changed.content {
            case .data: made.replaceSubrange(range, with: expected[range])
            case .zero: made.replaceSubrange(range, with: repeatElement(0, count: range.count))
            }
        }
        let isEqual = made.withUnsafeBytes { made in
            expected.withUnsafeBytes { expected in
                guard let start = made.baseAddress, let other = expected.baseAddress else { return true }
                return memcmp(start, other, made.count) == 0
            }
        }
        #expect(isEqual, comment)
    }
}

extension FileDescriptor {
    /// Writes or zeroes a random stretch inside the file.
    func change(_ generator: inout SeededGenerator) throws {
        let byteCount = try byteCount("read")
        guard byteCount > 0 else { return }
        let start = UInt64.random(in: 0..<byteCount, using: &generator)
        let lengths: [UInt64] = [10, 4096, 100_000, 3 << 20]
        let lengthMax = min(byteCount - start, lengths.randomElement(using: &generator) ?? 1)
        let end = start + UInt64.random(in: 0...lengthMax, using: &generator)
        if Int.random(in: 0..<3, using: &generator) == 0 {
            try punchHole(Extent(offset: start, byteCount: end - start), "zero")
        } else {
            try fill(start..<end, &generator)
        }
    }

    /// Writes random bytes.
    func fill(_ range: Range<UInt64>, _ generator: inout SeededGenerator) throws {
        var words = [UInt64](repeating: 0, count: range.count / 8 + 1)
        for index in words.indices { words[index] = generator.next() }
        let buffer = words.withUnsafeBytes { DataBuffer(Array($0.prefix(range.count))) }
        try write(UnsafeRawBufferPointer(buffer.unsafeBytes), at: range.lowerBound, "write")
    }

    /// All bytes.
    func contents() throws -> [UInt8] {
        let buffer = DataBuffer(byteCount: Int(try byteCount("read")))
        try read(into: buffer.unsafeBytes, at: 0, "read")
        return buffer.bytes(in: 0..<buffer.byteCount)
    }
}
