import DiffStream
import FerryCore
import ImageStore

/// Reads a stream, checked, and hands out its diffs one after the other, each as batches of changes.
///
/// One caller at a time. What it has handed out was right so far; only when `nextDiff` gives nil was all of it.
actor StreamBatches {
    /// The start of a diff: all that stands in front of its first extent.
    struct OpenedDiff: Sendable {
        /// 1 for the first diff.
        let number: Int
        let header: DiffHeader
        /// Size of the image at its end, in bytes.
        let byteCount: UInt64
    }

    /// Changes next to each other, in order of offset.
    struct Batch: Sendable {
        let writes: [MirrorWrite]
        /// What the writes' ranges lie in.
        let buffer: DataBuffer
        /// Where the last of them ends in the image.
        let end: UInt64
    }

    /// Bytes decoded at a time, besides what may be carried over.
    static let chunkByteCount = (2 << 20) - (128 << 10)
    /// A write that a chunk's end cuts is carried over to the next chunk if no more of it than this is there: two
    /// small writes cost more than copying these bytes.
    static let carriedByteCountMax = 64 << 10
    /// Changes in a batch, at most.
    static let writeCountMax = 4096
    /// Longer ones are cut at multiples of this in the image, so that the store need not read what surrounds them.
    private static let alignment = Limits.zeroGranuleByteCount

    /// What the stream says of its image; nil in formats that say nothing.
    private(set) var image: ImageHeader?
    /// Diffs that the stream says it has; nil in formats that say nothing.
    private(set) var diffCount: UInt64?
    /// The stream's format, once its first bytes were read.
    var format: (any StreamFormat)? { cursor.stream.format }
    /// What was counted in the diff at hand.
    var totals: DiffTotals { cursor.stream.totals }

    private let input: StreamInput
    private let onBytes: @Sendable (DataBuffer, Range<Int>) async -> Void
    private var cursor: StreamCursor
    /// Where the write at hand ends in the image.
    private var writeEnd: UInt64 = 0
    /// Bytes of a write that was cut, which belong before the next chunk.
    private var carried: [UInt8] = []
    /// The event that ended a diff's opening.
    private var pending: DiffEvent?
    private var isInsideDiff = false

    /// A reader at the start of `input`. `onBytes` sees all bytes in their order, before they are decoded.
    init(_ input: StreamInput, onBytes: @escaping @Sendable (DataBuffer, Range<Int>) async -> Void = { _, _ in }) {
        self.input = input
        cursor = StreamCursor(input)
        self.onBytes = onBytes
    }

    /// Reads on to the next diff's first extent; nil when the stream ended as it should.
    func nextDiff() async throws -> OpenedDiff? {
        while try await nextBatch() != nil {}
        while true {
            guard let event = try cursor.next() else {
                if try await refill() { continue }
                try cursor.checkEnd()
                return nil
            }
            switch event {
            case .image(let header): image = header
            case .diffCount(let count): diffCount = count
            case .diff(.write), .diff(.zero), .diff(.end):
                if case .diff(let event) = event { pending = event }
                isInsideDiff = true
                return OpenedDiff(
                    number: cursor.stream.diffNumber, header: cursor.stream.header,
                    byteCount: cursor.stream.header.imageByteCount ?? 0)
            case .diff: break
            }
        }
    }

    /// The next changes of the diff at hand; nil at its end.
    func nextBatch() async throws -> Batch? {
        var writes: [MirrorWrite] = []
        while isInsideDiff {
            guard let event = try nextDiffEvent() else {
                carryTail(&writes)
                if let batch = batch(writes) { return batch }
                guard try await refill() else {
                    try cursor.checkEnd()
                    return nil
                }
                continue
            }
            switch event {
            case .write(let extent): writeEnd = extent.end
            case .zero(let extent): writes.append(.zeroes(extent))
            case .data(let offset, let range): writes.append(joined(offset, range))
            case .end: isInsideDiff = false
            default: break
            }
            if writes.count == Self.writeCountMax { break }
        }
        return batch(writes)
    }

    private func batch(_ writes: [MirrorWrite]) -> Batch? {
        guard let last = writes.last else { return nil }
        return Batch(writes: writes, buffer: cursor.buffer, end: last.end)
    }

    private func nextDiffEvent() throws -> DiffEvent? {
        if let event = pending {
            pending = nil
            return event
        }
        guard case .diff(let event) = try cursor.next() else { return nil }
        return event
    }

    /// Reads the next chunk; false when there is none. What was handed out keeps its buffer.
    private func refill() async throws -> Bool {
        let start = Self.carriedByteCountMax
        let next = DataBuffer(byteCount: start + Self.chunkByteCount + Self.carriedByteCountMax)
        let byteCount = try await input.read(into: next, range: start..<next.byteCount - carried.count)
        guard byteCount > 0 else { return false }
        await onBytes(next, start..<start + byteCount)
        UnsafeMutableRawBufferPointer(rebasing: next.unsafeBytes[(start - carried.count)..<start])
            .copyBytes(from: carried)
        cursor.goOn(in: next, range: start..<start + byteCount)
        return true
    }

    /// Takes off a write that goes on in the next chunk what is to be carried over.
    private func carryTail(_ writes: inout [MirrorWrite]) {
        guard case .data(let offset, let range)? = writes.last, offset + UInt64(range.count) < writeEnd else { return }
        let intoGranule = Int((offset + UInt64(range.count)) % UInt64(Self.alignment))
        let kept = range.count <= Self.carriedByteCountMax ? range.prefix(0) : range.dropLast(intoGranule)
        carried = cursor.buffer.bytes(in: kept.upperBound..<range.upperBound)
        writes.removeLast()
        if !kept.isEmpty { writes.append(.data(offset: offset, range: kept)) }
    }

    /// A piece of a write, with what was carried over of it.
    private func joined(_ offset: UInt64, _ range: Range<Int>) -> MirrorWrite {
        defer { carried = [] }
        return .data(
            offset: offset - UInt64(carried.count), range: (range.lowerBound - carried.count)..<range.upperBound)
    }
}
