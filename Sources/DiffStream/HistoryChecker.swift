import FerryCore

/// The rules over the diffs of a history: each starts where the one before it ended, and no name comes twice.
///
/// The names that were seen are held; `DiffLimits.diffCountMax` and the longest name bound them.
struct HistoryChecker: Sendable {
    private let diffCountMax: Int
    private var diffCount: UInt64?
    private var openedCount = 0
    private var previousToSnapshot: String?
    /// Names as bytes, as Ceph compares them.
    private var toSnapshots: Set<[UInt8]> = []

    init(limits: DiffLimits) { diffCountMax = limits.diffCountMax }

    /// Notes how many diffs the stream says that it holds.
    mutating func expect(diffCount: UInt64, at record: RecordPosition) throws(DiffError) {
        guard diffCount <= UInt64(diffCountMax) else { throw tooMany(diffCount, at: record) }
        self.diffCount = diffCount
    }

    /// Checks what stands in front of the next diff's data, once all of it was read, up to `record`.
    mutating func open(_ header: DiffHeader, at record: RecordPosition) throws(DiffError) {
        guard openedCount < diffCountMax else { throw tooMany(UInt64(diffCountMax) + 1, at: record) }
        try checkFromSnapshot(header.fromSnapshot, at: record)
        openedCount += 1
        previousToSnapshot = header.toSnapshot
        guard let name = header.toSnapshot else {
            guard diffCount == nil || diffCount == UInt64(openedCount) else { throw toSnapshotMissing(at: record) }
            return
        }
        guard toSnapshots.insert(Array(name.utf8)).inserted else {
            throw DiffError(.toSnapshotRepeated, at: record, tag: DiffTag.toSnapshot, foundName: name)
        }
    }

    private func checkFromSnapshot(_ name: String?, at record: RecordPosition) throws(DiffError) {
        guard openedCount > 0 else {
            guard name == nil else {
                throw DiffError(.fromSnapshotInFirstDiff, at: record, tag: DiffTag.fromSnapshot, foundName: name)
            }
            return
        }
        guard let previousToSnapshot else { throw toSnapshotMissing(at: record) }
        guard let name, name.hasSameBytes(as: previousToSnapshot) else {
            throw DiffError(
                .fromSnapshotDiffers, at: record, tag: DiffTag.fromSnapshot, expectedName: previousToSnapshot,
                foundName: name)
        }
    }

    private func tooMany(_ count: UInt64, at record: RecordPosition) -> DiffError {
        DiffError(.tooManyDiffs, at: record, expected: UInt64(diffCountMax), found: count)
    }

    private func toSnapshotMissing(at record: RecordPosition) -> DiffError {
        DiffError(.toSnapshotMissing, at: record, tag: DiffTag.toSnapshot)
    }
}
