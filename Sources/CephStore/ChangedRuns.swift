import FerryCore

/// Runs of changed objects, ascending, neighbours joined: a bounded number of them, and the sum of all.
struct ChangedRuns: Sendable {
    /// What is known of a stretch of the image: all changes before `end` lie in `runs`.
    private(set) var runs: [Extent] = []
    /// Everything before this offset has been looked at and is in `runs`; the image's size when all was.
    private(set) var end: UInt64
    /// Where looking began.
    let start: UInt64
    /// Bytes in all runs, those after `end` included.
    private(set) var byteCount: UInt64 = 0

    private let runCountMax: Int
    private let periodByteCount: UInt64
    /// Whether every stretch came behind the one before it; otherwise `runs` is of no use.
    private(set) var isOrdered = true
    private var isFull = false

    /// Nothing found yet between two offsets.
    init(from start: UInt64, to end: UInt64, periodByteCount: UInt64, runCountMax: Int = 1 << 16) {
        self.start = start
        self.end = end
        self.periodByteCount = periodByteCount
        self.runCountMax = runCountMax
    }

    /// Notes the next changed stretch, in order of offset. False when `runs` is full, so that more can only be
    /// counted.
    mutating func append(_ extent: Extent) -> Bool {
        byteCount += extent.byteCount
        // librbd has had releases that listed objects out of order; such a list can't be joined into runs.
        if let last = runs.last, extent.offset < last.end { isOrdered = false }
        guard !isFull else { return false }
        if let last = runs.last, last.end >= extent.offset {
            runs[runs.count - 1] = Extent(offset: last.offset, byteCount: max(last.end, extent.end) - last.offset)
        } else if runs.count < runCountMax {
            runs.append(extent)
        } else {
            stop(before: extent.offset)
        }
        return !isFull
    }

    /// Ends the list between two stripe periods: librbd joins extents inside one, so a list that was cut inside
    /// one would differ from the list that another offset leads to.
    private mutating func stop(before offset: UInt64) {
        isFull = true
        let boundary = offset - offset % periodByteCount
        end = boundary > start ? boundary : offset
        runs = runs.compactMap { $0.clipped(to: end) }
    }
}

/// Cuts runs into the pieces that are asked about one by one.
struct ScanPieces: Sendable, Equatable {
    /// Pieces end at multiples of this many bytes, wherever the scan began, so that librbd cuts extents at the same
    /// places in every scan.
    static let gridByteCount: UInt64 = 64 << 20
    /// Bounds of one batch; they bound its memory, at some 32 bytes for each 4 KiB changed.
    static let byteCountMax: UInt64 = 512 << 20
    static let countMax = 256

    /// Stretches to ask about, ascending.
    private(set) var pieces: [Extent] = []
    /// What lies before this is in the pieces or did not change.
    private(set) var scannedTo: UInt64
    private var byteCount: UInt64 = 0

    /// The next pieces of `runs` at or after `offset`.
    init(_ runs: ChangedRuns, from offset: UInt64) {
        scannedTo = runs.end
        for run in runs.runs[Self.firstIndex(in: runs.runs, endingAfter: offset)...] {
            guard var rest = run.clipped(from: offset) else { continue }
            while rest.byteCount > 0 {
                guard pieces.count < Self.countMax, byteCount < Self.byteCountMax else {
                    scannedTo = rest.offset
                    return
                }
                let end = min(rest.end, (rest.offset / Self.gridByteCount + 1) * Self.gridByteCount)
                pieces.append(Extent(offset: rest.offset, byteCount: end - rest.offset))
                byteCount += end - rest.offset
                rest = Extent(offset: end, byteCount: rest.end - end)
            }
        }
    }

    private static func firstIndex(in runs: [Extent], endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].end > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The pieces in at most `count` groups of neighbours, in order.
    func groups(_ count: Int) -> [ArraySlice<Extent>] {
        let size = max(1, (pieces.count + count - 1) / count)
        return stride(from: 0, to: pieces.count, by: size).map { pieces[$0..<min($0 + size, pieces.count)] }
    }
}
