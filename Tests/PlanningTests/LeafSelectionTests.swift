import FerryCore
import Planning
import TestSupport
import Testing

private let leafByteCount = Limits.digestLeafByteCount

extension LeafSelection {
    /// All of them, in the order in which they are told.
    fileprivate var all: [UInt64] {
        var leaves: [UInt64] = []
        var leaf: UInt64 = 0
        while let next = next(from: leaf) {
            leaves.append(next)
            leaf = next + 1
        }
        return leaves
    }
}

@Suite("The leaves that a proof compares")
struct LeafSelectionTests {
    private func selection(_ scope: ProofScope, _ count: UInt64, seed: UInt64 = 1) -> LeafSelection {
        LeafSelection(scope, leafCount: count, seed: seed, also: LeafSet(leafCount: count))
    }

    @Test("are all of them when everything is to be compared", arguments: [0, 1, 2, 63, 64, 65, 1000] as [UInt64])
    func full(count: UInt64) {
        #expect(selection(.full, count).all == Array(0..<count))
        #expect(selection(.full, count).count == count)
        #expect(selection(.percent(100), count).all == Array(0..<count))
    }

    @Test("come once each over all slices, whatever the numbers", arguments: 0..<30)
    func slices(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = UInt64.random(in: 0...300, using: &generator)
        let sliceCount = Int.random(in: 1...40, using: &generator)
        let slices = (1...sliceCount).map { selection(.slice($0, of: sliceCount), count) }
        #expect(slices.flatMap(\.all).sorted() == Array(0..<count), "seed \(seed)")
        for slice in slices { #expect(slice.count == UInt64(slice.all.count), "seed \(seed)") }
    }

    @Test("of a slice stay the same when the image grows")
    func grown() {
        let before = selection(.slice(3, of: 7), 100).all
        #expect(selection(.slice(3, of: 7), 250).all.prefix(before.count) == before[...])
    }

    @Test("drawn at random ascend, come once, and are as many as the share says", arguments: 0..<40)
    func percent(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = UInt64.random(in: 1...5000, using: &generator)
        let percent = Double.random(in: 0.01...99.9, using: &generator)
        let selection = selection(.percent(percent), count, seed: generator.next())
        let all = selection.all
        #expect(all == Set(all).sorted(), "seed \(seed)")
        #expect(all.allSatisfy { $0 < count }, "seed \(seed)")
        #expect(all.count == Int((Double(count) * percent / 100).rounded(.up)), "seed \(seed)")
        #expect(selection.count == UInt64(all.count), "seed \(seed)")
        // Told from any place, it goes on the same.
        let place = UInt64.random(in: 0..<count, using: &generator)
        #expect(selection.next(from: place) == all.first { $0 >= place }, "seed \(seed), from \(place)")
    }

    @Test("drawn with other seeds are others, and all of them have their turn")
    func everyLeafComes() {
        var seen = Set<UInt64>()
        for seed in 0..<400 as Range<UInt64> { seen.formUnion(selection(.percent(3), 200, seed: seed).all) }
        #expect(seen.count == 200)
        #expect(selection(.percent(3), 200, seed: 1) != selection(.percent(3), 200, seed: 2))
        #expect(selection(.percent(3), 2000, seed: 1).all != selection(.percent(3), 2000, seed: 2).all)
    }

    @Test("hold what changed, and a sample besides", arguments: 0..<20)
    func changed(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = UInt64.random(in: 1...2000, using: &generator)
        var changed = LeafSet(leafCount: count)
        var expected = Set<UInt64>()
        for _ in 0..<Int.random(in: 0...20, using: &generator) {
            let leaf = UInt64.random(in: 0..<count, using: &generator)
            changed.insert(Extent(offset: leaf * leafByteCount + 5, byteCount: 1))
            expected.insert(leaf)
        }
        let scope = ProofScope.changed(samplePercent: 2)
        let drawn = LeafSelection(scope, leafCount: count, seed: seed, also: LeafSet(leafCount: count)).all
        let selection = LeafSelection(scope, leafCount: count, seed: seed, also: changed)
        #expect(selection.all == expected.union(drawn).sorted(), "seed \(seed)")
        #expect(selection.count == UInt64(selection.all.count), "seed \(seed)")
        #expect(LeafSelection(only: changed).all == expected.sorted(), "seed \(seed)")
        let alone = LeafSelection(.changed(samplePercent: 0), leafCount: count, seed: seed, also: changed)
        #expect(alone.all == expected.sorted() && alone.count == UInt64(expected.count), "seed \(seed)")
    }

    @Test("of an image of 16 TiB, and of the largest there can be, are told at once and take no memory to speak of")
    func large() {
        for byteCount in [16 << 40, Limits.imageByteCountMax] {
            let count = byteCount / leafByteCount
            for scope in [ProofScope.full, .slice(7, of: 9), .percent(0.5)] {
                let selection = selection(scope, count)
                var leaf = count / 2
                for _ in 0..<1000 {
                    guard let next = selection.next(from: leaf) else { break }
                    leaf = next + 1
                }
                #expect(leaf >= count / 2 + 1000)
                #expect(selection.count <= count && selection.count >= count / 201)
            }
            var changed = LeafSet(leafCount: count)
            changed.insert(Extent(offset: byteCount / 2, byteCount: byteCount / 64))
            let selection = LeafSelection(.changed(samplePercent: 0), leafCount: count, seed: 1, also: changed)
            #expect(selection.count == count / 64)
        }
    }

    @Test("a set of leaves holds those that an extent touches")
    func leafSet() {
        var set = LeafSet(leafCount: 200)
        #expect(set.isEmpty && set.next(from: 0) == nil)
        set.insert(Extent(offset: 3 * leafByteCount - 1, byteCount: 2))
        set.insert(Extent(offset: 150 * leafByteCount, byteCount: 0))
        set.insert(Extent(offset: 199 * leafByteCount, byteCount: 50 * leafByteCount))
        set.insert(Extent(offset: 300 * leafByteCount, byteCount: 1))
        #expect((0..<200).filter(set.contains) == [2, 3, 199])
        var other = LeafSet(leafCount: 200)
        other.insert(Extent(offset: 64 * leafByteCount, byteCount: 1))
        other.formUnion(set)
        #expect((0..<200).filter(other.contains) == [2, 3, 64, 199])
    }

    @Test("of a scope that makes no sense there are none")
    func invalid() {
        for scope in [ProofScope.slice(0, of: 3), .slice(4, of: 3), .percent(0), .percent(101), .percent(.nan)] {
            #expect(!scope.isValid)
            #expect(selection(scope, 100).all.isEmpty)
        }
    }
}
