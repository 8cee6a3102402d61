public import FerryCore

/// Merges two diffs, of which the second starts where the first ends, into one that has the effect of both.
///
/// A state machine without data: it holds one extent of each side, whatever the diffs' sizes. The caller asks for the
/// `next` step and does it; when a side's event is needed, it gives that to `take`. Both diffs must have been checked
/// by a `CheckedStream`, and are used to their ends.
///
///     opening → (write → data…, or zero)… → end
///
/// Where both have something, the second wins; what the first has beyond the second's size is dropped.
/// If the second grows the image, what it leaves untouched of the new part is zeros, whatever the image held there
/// before the first: the result says so, unless the first is a full diff, before which there was nothing.
public struct DiffMerge: Sendable {
    /// One of the two diffs.
    public enum Side: Hashable, Sendable {
        /// The earlier one.
        case first
        /// The later one.
        case second
    }

    /// What is to be done next.
    public enum Step: Hashable, Sendable {
        /// Give this side's next event to `take`.
        case needs(Side)
        /// The result begins like this.
        case opening(DiffHeader)
        /// A write begins in the result; its bytes follow in `data` steps.
        case write(Extent)
        /// The next bytes of the write: where they lie in the input of the data event last taken from that side.
        case data(Side, Range<Int>)
        /// A stretch of zeros in the result.
        case zero(Extent)
        /// The result is complete, and so are both sides.
        case end
    }

    private enum Phase: Sendable {
        case opening
        case betweenExtents
        case copying(Side, end: UInt64)
        case ended
    }

    private var first = MergeIntake()
    private var second = MergeIntake()
    private var phase = Phase.opening
    /// End of the second's last extent: up to here the first has no say.
    private var coveredEnd: UInt64 = 0
    /// Zeros that the first implies behind its last extent.
    private var regrown: Extent?

    /// A merge before its first event.
    public init() {}

    /// Takes the event that `next` asked for. Throws as soon as the diffs turn out not to follow one another.
    public mutating func take(_ event: DiffEvent, from side: Side) throws(MergeError) {
        switch side {
        case .first: first.take(event)
        case .second: second.take(event)
        }
        guard case .opening = phase, first.isOpen, second.isOpen else { return }
        guard let name = first.header.toSnapshot, let base = second.header.fromSnapshot, name.hasSameBytes(as: base)
        else {
            throw MergeError(
                firstToSnapshot: first.header.toSnapshot, secondFromSnapshot: second.header.fromSnapshot)
        }
    }

    /// What is to be done next. After `end` it is `end` for ever.
    public mutating func next() -> Step {
        switch phase {
        case .opening: open()
        case .betweenExtents: nextExtent()
        case .copying(let side, let end): copy(from: side, to: end)
        case .ended: .end
        }
    }

    private mutating func open() -> Step {
        guard first.isOpen else { return .needs(.first) }
        guard second.isOpen else { return .needs(.second) }
        let (start, end) = (first.imageByteCount, second.imageByteCount)
        if first.header.fromSnapshot != nil, start < end { regrown = Extent(offset: start, byteCount: end - start) }
        phase = .betweenExtents
        return .opening(
            DiffHeader(
                fromSnapshot: first.header.fromSnapshot, toSnapshot: second.header.toSnapshot,
                isProtected: second.header.isProtected, imageByteCount: end))
    }

    private mutating func nextExtent() -> Step {
        if second.isUsedUp { return .needs(.second) }
        guard dropUselessPart() else { return .needs(.first) }
        let firstExtent = first.extent?.clipped(to: min(second.extent?.offset ?? .max, second.imageByteCount))
        if let firstExtent {
            return begin(firstExtent, of: .first)
        } else if let secondExtent = second.extent {
            coveredEnd = secondExtent.end
            return begin(secondExtent, of: .second)
        } else {
            phase = .ended
            return .end
        }
    }

    private mutating func begin(_ extent: Extent, of side: Side) -> Step {
        let isWrite = side == .first ? first.isWrite : second.isWrite
        guard !isWrite else {
            phase = .copying(side, end: extent.end)
            return .write(extent)
        }
        switch side {
        case .first: first.useZeros(to: extent.end)
        case .second: second.useZeros(to: extent.end)
        }
        return .zero(extent)
    }

    private mutating func copy(from side: Side, to end: UInt64) -> Step {
        let range = side == .first ? first.useData(to: end) : second.useData(to: end)
        guard let range else { return .needs(side) }
        let rest = side == .first ? first.extent : second.extent
        if (rest?.offset ?? end) >= end { phase = .betweenExtents }
        return .data(side, range)
    }

    /// Passes over what the second covers or cuts off of the first. False when an event of the first is needed before
    /// it is known what the first has to say next.
    private mutating func dropUselessPart() -> Bool {
        while true {
            if first.extent == nil, first.isAtEnd, let zeros = regrown.take() { first.addZeros(zeros) }
            guard let extent = first.extent else { return first.isAtEnd }
            let isCutOff = extent.offset >= second.imageByteCount
            guard isCutOff || extent.offset < coveredEnd else { return true }
            let end = isCutOff ? extent.end : min(extent.end, coveredEnd)
            if !first.isWrite {
                first.useZeros(to: end)
            } else if first.useData(to: end) == nil {
                return false
            }
        }
    }
}
