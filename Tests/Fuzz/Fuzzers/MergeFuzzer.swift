import DiffStream
import FerryCore

/// Merging two diffs: the result is a diff that keeps the rules, and it does to an image what the two do one after the
/// other.
///
/// Input: the image's size before, then both diffs as decisions.
enum MergeFuzzer: Fuzzer {
    static let name = "merge"

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        [
            [200, 1, 100, 3, 9, 20, 1, 0, 5, 0, 2, 180, 3, 9, 30, 1, 3, 10, 0, 0],
            [200, 0, 100, 1, 9, 20, 1, 255, 2, 9, 30, 1],
        ]
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let before = [UInt8](repeating: 0xee, count: Int(input.byte()))
        let isFull = input.byte() & 1 == 0
        let first = SmallDiff(
            DiffHeader(fromSnapshot: isFull ? nil : "a", toSnapshot: "b"), decidedBy: &input, fill: 0x40)
        let second = SmallDiff(DiffHeader(fromSnapshot: "b", toSnapshot: "c"), decidedBy: &input, fill: 0x80)
        let merged = merge(first, second)
        let start = isFull ? [] : before
        require(
            merged.applied(to: start) == second.applied(to: first.applied(to: start)),
            "a merge does what both diffs do")
    }

    private static func merge(_ first: SmallDiff, _ second: SmallDiff) -> SmallDiff {
        var merge = DiffMerge()
        var checker = DiffChecker()
        var sources = [DiffMerge.Side.first: first.events[...], .second: second.events[...]]
        var (result, offset, buffers) = (SmallDiff(), UInt64(0), [DiffMerge.Side: [UInt8]]())
        func add(_ event: DiffEvent, _ data: [UInt8] = []) {
            result.events.append((event, data))
            let record = RecordPosition(number: result.events.count, byteOffset: 0)
            do { try checker.check(event, at: record) } catch { fail("a merge keeps the rules: \(error.cause)") }
        }
        do {
            while true {
                switch merge.next() {
                case .needs(let side):
                    guard let next = sources[side]?.popFirst() else { fail("a merge asks for no more than there is") }
                    buffers[side] = next.data
                    try merge.take(next.event, from: side)
                case .opening(let header): SmallDiff.opening(header).forEach { add($0.event) }
                case .write(let extent):
                    add(.write(extent))
                    offset = extent.offset
                case .data(let side, let range):
                    add(.data(offset: offset, range: 0..<range.count), Array((buffers[side] ?? [])[range]))
                    offset += UInt64(range.count)
                case .zero(let extent): add(.zero(extent))
                case .end:
                    add(.end)
                    require(sources.values.allSatisfy(\.isEmpty), "a merge uses both diffs to their ends")
                    return result
                }
            }
        } catch {
            fail("diffs that follow one another can be merged: \(error.cause)")
        }
    }
}

/// A diff of an image of a few hundred bytes, which keeps all rules.
private struct SmallDiff {
    typealias Event = (event: DiffEvent, data: [UInt8])
    var events: [Event] = []

    init() {}

    /// A diff with this header, its size and its extents as the input decides.
    init(_ header: DiffHeader, decidedBy input: inout FuzzInput, fill: UInt8) {
        var header = header
        let size = UInt64(input.byte())
        header.imageByteCount = size
        events = Self.opening(header)
        var position: UInt64 = 0
        for number in 0..<input.byte() % 16 {
            let offset = position + UInt64(input.byte() % 64)
            let extent = Extent(offset: offset, byteCount: 1 + UInt64(input.byte() % 64)).clipped(to: size)
            let kind = input.byte()
            guard let extent else { break }
            position = extent.end
            if kind & 1 == 0 { events.append((.zero(extent), [])) } else { write(extent, fill + number, pieces: kind) }
        }
        events.append((.end, []))
    }

    private mutating func write(_ extent: Extent, _ fill: UInt8, pieces: UInt8) {
        events.append((.write(extent), []))
        var offset = extent.offset
        while offset < extent.end {
            let byteCount = min(Int(extent.end - offset), pieces > 127 ? 64 : 1 + Int(pieces))
            let data = (0..<byteCount).map { fill ^ UInt8(truncatingIfNeeded: Int(offset) + $0) | 1 }
            events.append((.data(offset: offset, range: 0..<byteCount), data))
            offset += UInt64(byteCount)
        }
    }

    static func opening(_ header: DiffHeader) -> [Event] {
        var events: [DiffEvent] = []
        if let name = header.fromSnapshot { events.append(.fromSnapshot(name)) }
        if let name = header.toSnapshot { events.append(.toSnapshot(name)) }
        if let count = header.imageByteCount { events.append(.imageByteCount(count)) }
        return events.map { ($0, []) }
    }

    /// What an image that held `before` holds after this diff.
    func applied(to before: [UInt8]) -> [UInt8] {
        var image = before
        for (event, data) in events {
            switch event {
            case .imageByteCount(let count):
                image = Array(image.prefix(Int(count)))
                image += [UInt8](repeating: 0, count: Int(count) - image.count)
            case .data(let offset, _): image.replaceSubrange(Int(offset)..<Int(offset) + data.count, with: data)
            case .zero(let extent):
                let zeros = [UInt8](repeating: 0, count: Int(extent.byteCount))
                image.replaceSubrange(Int(extent.offset)..<Int(extent.end), with: zeros)
            default: continue
            }
        }
        return image
    }
}
