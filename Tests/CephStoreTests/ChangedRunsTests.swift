import FerryCore
import Testing

@testable import CephStore

@Suite("Runs of changed objects")
struct ChangedRunsTests {
    private func runs(_ extents: [(UInt64, UInt64)], max: Int = 10) -> ChangedRuns {
        var runs = ChangedRuns(from: 0, to: 1000, periodByteCount: 10, runCountMax: max)
        for (offset, byteCount) in extents { _ = runs.append(Extent(offset: offset, byteCount: byteCount)) }
        return runs
    }

    @Test("neighbours are joined")
    func joins() {
        let runs = runs([(0, 10), (10, 10), (30, 5), (35, 5), (60, 10)])
        #expect(runs.runs == [(0, 20), (30, 10), (60, 10)].map { Extent(offset: $0, byteCount: $1) })
        #expect(runs.byteCount == 40)
        #expect(runs.end == 1000)
    }

    @Test("a full list ends between two periods and goes on counting")
    func stops() {
        let runs = runs([(0, 10), (20, 10), (43, 2), (47, 1), (50, 10)], max: 3)
        #expect(runs.runs == [Extent(offset: 0, byteCount: 10), Extent(offset: 20, byteCount: 10)])
        #expect(runs.end == 40)
        #expect(runs.byteCount == 33)
    }

    @Test("a list that fills inside its first period still gets on")
    func stopsInsidePeriod() {
        let runs = runs([(0, 1), (2, 1), (4, 1)], max: 2)
        #expect(runs.runs.count == 2)
        #expect(runs.end == 4)
    }

    @Test("pieces cover the runs from any offset, cut at the same places")
    func pieces() {
        let grid = ScanPieces.gridByteCount
        var runs = ChangedRuns(from: 0, to: 10 * grid, periodByteCount: 1)
        _ = runs.append(Extent(offset: 5, byteCount: 2 * grid))
        _ = runs.append(Extent(offset: 4 * grid, byteCount: 10))
        let all = ScanPieces(runs, from: 0)
        #expect(
            all.pieces == [
                Extent(offset: 5, byteCount: grid - 5), Extent(offset: grid, byteCount: grid),
                Extent(offset: 2 * grid, byteCount: 5), Extent(offset: 4 * grid, byteCount: 10),
            ])
        #expect(all.scannedTo == 10 * grid)
        let later = ScanPieces(runs, from: grid + 7)
        #expect(later.pieces == all.pieces.compactMap { $0.clipped(from: grid + 7) })
        #expect(ScanPieces(runs, from: 5 * grid).pieces.isEmpty)
    }

    @Test("a batch is bounded in pieces and bytes and says where it ended")
    func bounds() {
        var many = ChangedRuns(from: 0, to: 1 << 40, periodByteCount: 1)
        for index in 0..<1000 as Range<UInt64> { _ = many.append(Extent(offset: index * 100, byteCount: 10)) }
        let batch = ScanPieces(many, from: 0)
        #expect(batch.pieces.count == ScanPieces.countMax)
        #expect(batch.scannedTo == UInt64(ScanPieces.countMax) * 100)

        var long = ChangedRuns(from: 0, to: 1 << 40, periodByteCount: 1)
        _ = long.append(Extent(offset: 0, byteCount: 1 << 40))
        #expect(ScanPieces(long, from: 0).scannedTo == ScanPieces.byteCountMax)
    }

    @Test("groups keep the order and lose nothing", arguments: [0, 1, 3, 4, 5, 9, 256])
    func groups(_ count: Int) {
        var runs = ChangedRuns(from: 0, to: 1 << 40, periodByteCount: 1)
        for index in 0..<UInt64(count) { _ = runs.append(Extent(offset: index * 100, byteCount: 10)) }
        let pieces = ScanPieces(runs, from: 0)
        let groups = pieces.groups(4)
        #expect(groups.count <= 4)
        #expect(groups.flatMap(\.self) == pieces.pieces)
    }
}
