import DiffStream
import FerryCore

/// All that a reader says of a stream, with the data itself in place of where it lay.
struct StreamRead: Equatable {
    var image: ImageHeader?
    var diffCount: UInt64?
    var diffs: [[Step]] = []
    var error: DiffError?

    /// Reads `bytes`, given in slices that end at `cuts`.
    init(_ bytes: [UInt8], cuts: [Int] = [], by reader: any StreamDecoder = CheckedStream()) {
        var reader = reader
        do throws(DiffError) {
            for slice in slices(bytes, cuts: cuts) {
                var position = 0
                while let event = try reader.next(slice.span, at: &position) { add(event, of: slice) }
            }
            try reader.checkEnd()
        } catch {
            self.error = error
        }
    }

    private mutating func add(_ event: StreamEvent, of slice: [UInt8]) {
        switch event {
        case .image(let header): image = header
        case .diffCount(let count): diffCount = count
        case .diff(let event):
            if diffs.isEmpty || diffs.last?.last == .event(.end) { diffs.append([]) }
            diffs[diffs.count - 1].add(event, of: slice)
        }
    }

    /// The stream's bytes, made anew.
    func encoded(as format: any StreamFormat) -> [UInt8] {
        var output: [UInt8] = []
        if let image, let diffCount { format.appendOpening(image, diffCount: diffCount, to: &output) }
        for diff in diffs { output += format.encode(diff) }
        return output
    }
}

extension StreamFormat {
    /// The bytes of one diff.
    func encode(_ steps: [Step]) -> [UInt8] {
        var output: [UInt8] = []
        appendDiffOpening(steps.diffHeader, to: &output)
        for step in steps {
            switch step {
            case .data(_, let bytes): output += bytes
            case .event(.write(let extent)): appendWriteHeader(extent, to: &output)
            case .event(.zero(let extent)): appendZero(extent, to: &output)
            case .event(.end): appendEnd(to: &output)
            case .event: continue
            }
        }
        return output
    }
}

extension [Step] {
    /// What the records in front of the data say.
    var diffHeader: DiffHeader {
        var header = DiffHeader()
        for step in self {
            switch step {
            case .event(.fromSnapshot(let name)): header.fromSnapshot = name
            case .event(.toSnapshot(let name)): header.toSnapshot = name
            case .event(.protection(let isProtected)): header.isProtected = isProtected
            case .event(.imageByteCount(let count)): header.imageByteCount = count
            default: continue
            }
        }
        return header
    }

    /// A diff of nothing but its header.
    init(_ header: DiffHeader) {
        self = []
        if let name = header.fromSnapshot { append(.event(.fromSnapshot(name))) }
        if let name = header.toSnapshot { append(.event(.toSnapshot(name))) }
        if let isProtected = header.isProtected { append(.event(.protection(isProtected))) }
        if let count = header.imageByteCount { append(.event(.imageByteCount(count))) }
        append(.event(.end))
    }
}
