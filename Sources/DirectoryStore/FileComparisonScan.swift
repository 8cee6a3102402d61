import FerryCore
import Glibc
import ImageStore

/// One bounded stretch of work of a comparison: collects extents until there are enough.
struct FileComparisonScan {
    /// When one of these is reached, the batch ends at the next place where it may.
    private enum Enough {
        static let extentCount = 2048
        static let readByteCount: UInt64 = 64 << 20
        static let mapCount = 64
        static let stepCount = 1 << 16
    }

    private let files: FileComparison
    private let operation: String
    private(set) var extents: [ChangedExtent] = []
    private var shared: SharedExtents?
    private(set) var readByteCount: UInt64 = 0
    private var stepCount = 0
    private let baseBuffer = DataBuffer(byteCount: FileDescriptor.pieceByteCount)
    private let targetBuffer = DataBuffer(byteCount: FileDescriptor.pieceByteCount)

    init(_ files: FileComparison, _ operation: String) throws(StoreError) {
        self.files = files
        self.operation = operation
        guard let base = files.base, files.usesSharedExtents else { return }
        shared = try SharedExtents(base, files.target, operation)
    }

    /// Scans from a granule's start on; gives the offset before which everything was listed.
    mutating func run(from start: UInt64) throws(StoreError) -> UInt64 {
        var position = start
        while position < files.targetByteCount {
            stepCount += 1
            let candidate = try nextCandidate(from: position)
            position = candidate.lowerBound
            if isEnough, mayStop(at: position) { break }
            guard !candidate.isEmpty else { continue }
            let strideEnd = (position / FileComparison.strideByteCount + 1) * FileComparison.strideByteCount
            let end = min(candidate.upperBound, strideEnd)
            try compare(position..<end)
            position = end
        }
        return position
    }

    private var isEnough: Bool {
        extents.count >= Enough.extentCount || readByteCount >= Enough.readByteCount || stepCount >= Enough.stepCount
            || (shared?.mapCount ?? 0) >= Enough.mapCount
    }

    /// Stopping where an extent may go on would cut it where a scan that began later would not.
    private func mayStop(at position: UInt64) -> Bool {
        position % FileComparison.strideByteCount == 0 || extents.last?.extent.end != position
    }

    /// The next whole granules that may differ. Empty: everything before its bound is equal, nothing is known of
    /// what follows.
    private mutating func nextCandidate(from position: UInt64) throws(StoreError) -> Range<UInt64> {
        guard let data = try nextData(from: position) else {
            return files.targetByteCount..<files.targetByteCount
        }
        guard data.lowerBound < files.sharedEnd, let known = shared?.next(after: data.lowerBound) else { return data }
        let upperBound = min(data.upperBound, FileComparison.roundUp(min(known.knownTo, files.targetByteCount)))
        guard let extent = known.shared else { return data.lowerBound..<upperBound }
        let sharedStart = FileComparison.roundUp(extent.offset)
        let sharedEnd = extent.end >= files.sharedEnd ? files.sharedEnd : FileComparison.roundDown(extent.end)
        guard sharedStart < sharedEnd, sharedEnd > data.lowerBound else {
            return data.lowerBound..<min(upperBound, FileComparison.roundUp(extent.end))
        }
        return sharedStart <= data.lowerBound
            ? sharedEnd..<sharedEnd : data.lowerBound..<min(upperBound, sharedStart)
    }

    /// The next granules in which either file has data; where the base has ended, in which the target has.
    private func nextData(from position: UInt64) throws(StoreError) -> Range<UInt64>? {
        var next = try files.target.nextData(from: position, operation)
        if position < files.baseGranulesEnd, let data = try files.base?.nextData(from: position, operation) {
            next = next.map { $0.lowerBound <= data.lowerBound ? $0 : data } ?? data
        }
        guard let next, next.lowerBound < files.targetByteCount else { return nil }
        let lowerBound = max(position, FileComparison.roundDown(next.lowerBound))
        var upperBound = min(FileComparison.roundUp(min(next.upperBound, files.targetByteCount)), files.targetByteCount)
        if lowerBound < files.baseGranulesEnd { upperBound = min(upperBound, files.baseGranulesEnd) }
        return lowerBound..<upperBound
    }

    private mutating func compare(_ range: Range<UInt64>) throws(StoreError) {
        guard let base = files.base, range.lowerBound < files.baseGranulesEnd else {
            return append(range, .data)
        }
        var position = range.lowerBound
        while position < range.upperBound {
            let end = min(range.upperBound, position + UInt64(FileDescriptor.pieceByteCount))
            let byteCount = Int(end - position)
            try base.read(into: slice(baseBuffer, 0..<byteCount), at: position, operation)
            try files.target.read(into: slice(targetBuffer, 0..<byteCount), at: position, operation)
            readByteCount += 2 * UInt64(byteCount)
            compareBuffers(byteCount: byteCount, at: position)
            position = end
        }
    }

    private mutating func compareBuffers(byteCount: Int, at position: UInt64) {
        guard !isEqual(0..<byteCount) else { return }
        for start in stride(from: 0, to: byteCount, by: Int(FileComparison.granuleByteCount)) {
            let granule = start..<min(byteCount, start + Int(FileComparison.granuleByteCount))
            guard !isEqual(granule) else { continue }
            let range = position + UInt64(granule.lowerBound)..<position + UInt64(granule.upperBound)
            append(range, targetBuffer.isZero(granule) ? .zero : .data)
        }
    }

    private func isEqual(_ range: Range<Int>) -> Bool {
        let (one, other) = (slice(baseBuffer, range), slice(targetBuffer, range))
        guard let start = one.baseAddress, let otherStart = other.baseAddress else { return true }
        return memcmp(start, otherStart, range.count) == 0
    }

    private func slice(_ buffer: DataBuffer, _ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer.unsafeBytes[range])
    }

    private mutating func append(_ range: Range<UInt64>, _ content: ChangedExtent.Content) {
        let extent = Extent(offset: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
        guard let last = extents.last, last.extent.end == extent.offset, last.content == content,
            extent.offset % FileComparison.strideByteCount != 0
        else { return extents.append(ChangedExtent(extent, content)) }
        let joined = Extent(offset: last.extent.offset, byteCount: extent.end - last.extent.offset)
        extents[extents.count - 1] = ChangedExtent(joined, content)
    }
}
