import FerryCore

/// One of the two diffs of a merge: what was taken of it, and what of that is left.
struct MergeIntake: Sendable {
    /// What the records in front of the data say.
    private(set) var header = DiffHeader()
    /// Whether the header is whole, because an extent or the end came.
    private(set) var isOpen = false
    /// Whether the end came.
    private(set) var isAtEnd = false
    /// What is left of the extent taken last.
    private(set) var extent: Extent?
    /// Whether that is a write, whose bytes come in data events, and not a stretch of zeros.
    private(set) var isWrite = false
    /// What is left of the data taken last, in its input. It belongs at the start of `extent`.
    private(set) var data: Range<Int>?

    /// Whether another event must be taken before more can be said.
    var isUsedUp: Bool { extent == nil && !isAtEnd }

    /// The image's size at the end of the diff, in bytes.
    var imageByteCount: UInt64 {
        guard let count = header.imageByteCount else { preconditionFailure("a diff that was checked has a size") }
        return count
    }

    /// Takes the next event of a diff that was checked.
    mutating func take(_ event: DiffEvent) {
        switch event {
        case .fromSnapshot(let name): header.fromSnapshot = name
        case .toSnapshot(let name): header.toSnapshot = name
        case .protection(let isProtected): header.isProtected = isProtected
        case .imageByteCount(let count): header.imageByteCount = count
        case .write(let extent): begin(extent, isWrite: true)
        case .zero(let extent): begin(extent, isWrite: false)
        case .data(let offset, let range): receive(range, at: offset)
        case .skipped: return
        case .end:
            precondition(extent == nil, "the extent at hand comes before the end")
            (isOpen, isAtEnd) = (true, true)
        }
    }

    /// Goes on with `extent`, which the diff implies without a record of its own.
    mutating func addZeros(_ extent: Extent) { begin(extent, isWrite: false) }

    /// Uses up zeros before `end`.
    mutating func useZeros(to end: UInt64) { extent = extent?.clipped(from: end) }

    /// Uses up data at hand before `end`: where it lies in its input. Nil when none is at hand.
    mutating func useData(to end: UInt64) -> Range<Int>? {
        guard let extent, let held = data, end > extent.offset else { return nil }
        let byteCount = Int(min(UInt64(held.count), end - extent.offset))
        let used = held.prefix(byteCount)
        data = held.count > byteCount ? held.dropFirst(byteCount) : nil
        self.extent = extent.clipped(from: extent.offset + UInt64(byteCount))
        return used
    }

    private mutating func begin(_ extent: Extent, isWrite: Bool) {
        precondition(self.extent == nil, "the extent at hand comes first")
        self.extent = extent
        self.isWrite = isWrite
        isOpen = true
    }

    private mutating func receive(_ range: Range<Int>, at offset: UInt64) {
        guard !range.isEmpty else { return }
        precondition(isWrite && data == nil && extent?.offset == offset, "data comes in order, when it is asked for")
        data = range
    }
}
