import DiffStream
import FerryCore

/// What a reader said of a stream, with the data themselves in place of where they lay. Equal however it was cut.
struct DiffReading: Equatable {
    enum Step: Equatable {
        case event(StreamEvent)
        case data(offset: UInt64, bytes: [UInt8])
    }
    private(set) var steps: [Step] = []
    var error: DiffError?

    /// The bytes of the write at hand that have not come.
    private var missingByteCount: UInt64 = 0
    private var dataOffset: UInt64 = 0
    private var extentEnd: UInt64 = 0

    /// Takes the events that `next` gives for each slice of `bytes`, then asks `checkEnd`. What must hold of events
    /// that passed all checks is required here.
    init(
        _ bytes: [UInt8], _ slicing: Slicing, next: (Span<UInt8>, inout Int) throws(DiffError) -> StreamEvent?,
        checkEnd: () throws(DiffError) -> Void
    ) {
        do throws(DiffError) {
            for slice in slicing.slices(of: bytes) {
                var position = 0
                while let event = try next(slice.span, &position) {
                    require(position <= slice.count, "no more is taken than there is")
                    add(event, of: slice)
                }
                require(position == slice.count, "all is taken before more is asked for")
            }
            try checkEnd()
            require(missingByteCount == 0, "a whole stream has all its data")
        } catch {
            require(error.record.byteOffset <= UInt64(bytes.count), "an error lies in the stream")
            requireShowable(error)
            self.error = error
        }
    }

    private mutating func add(_ event: StreamEvent, of slice: [UInt8]) {
        guard case .diff(let diffEvent) = event else { return steps.append(.event(event)) }
        if case .data(let offset, let range) = diffEvent { return addData(offset, slice[range]) }
        require(missingByteCount == 0, "a write's data come before the next record")
        switch diffEvent {
        case .write(let extent):
            place(extent)
            missingByteCount = extent.byteCount
            dataOffset = extent.offset
        case .zero(let extent): place(extent)
        case .end: extentEnd = 0
        default: break
        }
        steps.append(.event(event))
    }

    private mutating func place(_ extent: Extent) {
        require(extent.byteCount > 0 && extent.offset >= extentEnd, "extents ascend and are not empty")
        require(extent.end <= Limits.imageByteCountMax, "extents end inside the largest image")
        extentEnd = extent.end
    }

    private mutating func addData(_ offset: UInt64, _ bytes: ArraySlice<UInt8>) {
        require(offset == dataOffset && UInt64(bytes.count) <= missingByteCount, "data are those of their write")
        dataOffset += UInt64(bytes.count)
        missingByteCount -= UInt64(bytes.count)
        if case .data(let start, let held)? = steps.last {
            steps[steps.count - 1] = .data(offset: start, bytes: held + bytes)
        } else {
            steps.append(.data(offset: offset, bytes: Array(bytes)))
        }
    }
}

extension DiffReading {
    /// Whether records were passed over, which can't be made anew.
    var hasSkippedRecords: Bool {
        steps.contains { if case .event(.diff(.skipped)) = $0 { true } else { false } }
    }

    /// The records of the diffs, made anew as *rbd diff v2*, each diff with its banner.
    var encodedDiffs: [UInt8] {
        var output: [UInt8] = []
        var isBetween = true
        for step in steps {
            if isBetween, case .event(.diff) = step { DiffEncoder.appendBanner(to: &output) }
            switch step {
            case .data(_, let bytes): output += bytes
            case .event(.diff(let event)):
                Self.append(event, to: &output)
                isBetween = event == .end
            case .event: break
            }
        }
        return output
    }

    private static func append(_ event: DiffEvent, to output: inout [UInt8]) {
        switch event {
        case .fromSnapshot(let name): DiffEncoder.appendFromSnapshot(name, to: &output)
        case .toSnapshot(let name): DiffEncoder.appendToSnapshot(name, to: &output)
        case .protection(let isProtected): DiffEncoder.appendProtection(isProtected, to: &output)
        case .imageByteCount(let count): DiffEncoder.appendImageByteCount(count, to: &output)
        case .write(let extent): DiffEncoder.appendWriteHeader(extent, to: &output)
        case .zero(let extent): DiffEncoder.appendZero(extent, to: &output)
        case .end: DiffEncoder.appendEnd(to: &output)
        case .data, .skipped: break
        }
    }
}
