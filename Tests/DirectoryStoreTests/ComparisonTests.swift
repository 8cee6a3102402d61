import FerryCore
import Glibc
import ImageStore
import TestSupport
import Testing

@testable import DirectoryStore

@Suite("Comparing two files")
struct ComparisonTests {
    struct Place: Sendable, CustomStringConvertible {
        let description: String
        let files: @Sendable () -> TestFileSystem?
    }

    static let places = [
        Place(description: "plain") { try? .plain() }, Place(description: "XFS") { .xfs },
        Place(description: "btrfs") { .btrfs },
    ]

    @Test(
        "shared extents change nothing in the result, under random writes", arguments: places,
        1...12 as ClosedRange<UInt64>)
    func sharedExtentsChangeNothing(place: Place, seed: UInt64) throws {
        guard let files = place.files() else { try Test.cancel("\(place) can't be mounted") }
        var generator = SeededGenerator(seed: seed)
        let pair = try FilePair(files, baseByteCount: UInt64.random(in: 0...24 << 20, using: &generator), &generator)
        for round in 0..<3 {
            try pair.changeTarget(&generator)
            let byShared = try pair.extents(usingShared: true)
            let byContent = try pair.extents(usingShared: false)
            #expect(byShared == byContent, "seed \(seed), round \(round), \(place)")
            try pair.checkCoversDifferences(byShared, "seed \(seed), round \(round), \(place)")
            try checkOffsets(pair, byShared, &generator, "seed \(seed), round \(round), \(place)")
        }
    }

    private func checkOffsets(
        _ pair: FilePair, _ all: [ChangedExtent], _ generator: inout SeededGenerator, _ comment: Comment
    ) throws {
        let end = try pair.target.byteCount("read")
        for _ in 0..<8 where end > 0 {
            let offset = UInt64.random(in: 0..<end, using: &generator)
            let expected = all.compactMap { changed in
                changed.extent.clipped(from: offset).map { ChangedExtent($0, changed.content) }
            }
            let tail = try pair.extents(usingShared: true, from: offset)
            #expect(tail == expected, "from \(offset), \(comment)")
        }
    }

    @Test("a clone shares its blocks with the original where reflinks work", arguments: places.dropFirst())
    func clonesShare(place: Place) throws {
        guard let files = place.files() else { try Test.cancel("\(place) can't be mounted") }
        var generator = SeededGenerator(seed: 1)
        let pair = try FilePair(files, baseByteCount: 8 << 20, &generator)
        try pair.base.fill(0..<8 << 20, &generator)
        let clone = try pair.folder.makeTemporaryFile("clone").file
        try clone.becomeCopy(of: pair.base, "clone")
        var shared = try SharedExtents(pair.base, clone, "map")
        #expect(shared.next(after: 0).shared?.offset == 0)
        var sharedByteCount: UInt64 = 0
        var position: UInt64 = 0
        while let extent = shared.next(after: position).shared {
            sharedByteCount += extent.byteCount
            position = extent.end
        }
        #expect(sharedByteCount == 8 << 20)
        let comparison = FileComparison(
            base: pair.base, baseByteCount: 8 << 20, target: clone, targetByteCount: 8 << 20)
        var scan = try FileComparisonScan(comparison, "compare")
        let scannedTo = try scan.run(from: 0)
        #expect(scannedTo == 8 << 20)
        #expect(scan.extents == [])
        #expect(scan.readByteCount == 0)
    }

    @Test("a batch ends after a bounded number of extents, however many there are")
    func boundedBatches() throws {
        var generator = SeededGenerator(seed: 3)
        let files = try TestFileSystem.plain()
        let pair = try FilePair(files, baseByteCount: 0, &generator)
        try pair.base.truncate(to: 64 << 20, "resize")
        try pair.target.truncate(to: 64 << 20, "resize")
        let byte = DataBuffer([1])
        for offset in stride(from: UInt64(0), to: 64 << 20, by: 8192) {
            try pair.target.write(UnsafeRawBufferPointer(byte.unsafeBytes), at: offset, "write")
        }
        let comparison = try pair.comparison(usingShared: true)
        let first = try comparison.extents(from: 0, "compare")
        #expect(first.extents.count <= 2 * 4096)
        #expect(first.scannedTo < 64 << 20)
        #expect(try pair.extents(usingShared: true).count == 8192)
    }

    @Test("zeroing works to the byte, by punching holes and by writing", arguments: [true, false])
    func zeroing(punches: Bool) throws {
        var generator = SeededGenerator(seed: 5)
        let pair = try FilePair(try .plain(), baseByteCount: 4 << 20, &generator)
        try pair.base.fill(0..<3 << 20, &generator)
        var model = try pair.base.contents()
        for _ in 0..<20 {
            let start = UInt64.random(in: 0..<4 << 20, using: &generator)
            let extent = Extent(
                offset: start, byteCount: UInt64.random(in: 0...(4 << 20) - start, using: &generator) / 16)
            if punches {
                try pair.base.punchHole(extent, "zero")
            } else {
                try pair.base.overwriteWithZeros(extent, "zero")
            }
            for index in Int(extent.offset)..<Int(extent.end) { model[index] = 0 }
        }
        #expect(try pair.base.contents() == model)
        #expect(try pair.base.status("read").st_blocks * 512 <= 3 << 20 + 65536)
    }
}

@Suite("Extents that two files share")
struct SharedExtentsTests {
    private func mapped(_ offset: UInt64, _ byteCount: UInt64, at physical: UInt64?) -> MappedExtent {
        MappedExtent(extent: Extent(offset: offset, byteCount: byteCount), physical: physical)
    }

    @Test("the same place on the device is shared, whatever the pieces")
    func pieces() {
        let whole = [mapped(0, 100, at: 1000)]
        let pieces = [mapped(0, 30, at: 1000), mapped(30, 10, at: 5000), mapped(40, 60, at: 1040)]
        let expected = [Extent(offset: 0, byteCount: 30), Extent(offset: 40, byteCount: 60)]
        #expect(SharedExtents.common(whole, pieces) == expected)
        #expect(SharedExtents.common(pieces, whole) == expected)
    }

    @Test("the same address at another offset is not shared")
    func shifted() {
        #expect(SharedExtents.common([mapped(0, 100, at: 1000)], [mapped(10, 100, at: 1000)]) == [])
    }

    @Test("what can't be trusted is not shared, even with itself")
    func untrusted() {
        let extents = [mapped(0, 100, at: nil)]
        #expect(SharedExtents.common(extents, extents) == [])
    }

    @Test("holes have nothing in common")
    func holes() {
        #expect(SharedExtents.common([], [mapped(0, 100, at: 1000)]) == [])
        #expect(SharedExtents.common([mapped(0, 10, at: 50)], [mapped(10, 10, at: 60)]) == [])
    }
}
