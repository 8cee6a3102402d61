import Conversation
import DiffStream
import FerryCore
import ImageStore
import Planning

/// Blocks' contents to changes of the mirror, checked. A value: no store, no clock.
///
/// Records are decoded across the whole of a transfer, so faults carry their place in it.
struct DeltaIntake {
    /// What one block asks for.
    struct Step: Equatable {
        /// The size that the head must have first; only in the block that opens a delta.
        var resize: UInt64?
        /// Changes, in order of offset; data are ranges of the content's buffer.
        var writes: [MirrorWrite] = []
        /// Every byte of the delta below this offset is in this block or an earlier one.
        var end: UInt64
        /// Standard records in the block.
        var recordCount: UInt64 = 0
    }

    private let transfer: TransferIdentity
    private let targetByteCount: UInt64
    private var decoder = DiffDecoder(banner: .absent)
    private var checker: DiffChecker
    private var isHeaderChecked = false

    /// Takes in the delta of `transfer`, whose target has this size, from `watermark` on.
    init(transfer: TransferIdentity, targetByteCount: UInt64, watermark: UInt64) {
        self.transfer = transfer
        self.targetByteCount = targetByteCount
        checker = DiffChecker(resumeOffset: watermark)
    }

    /// Whether the end record was taken in.
    var isAtEnd: Bool { checker.isAtEnd }

    /// What the next block asks for.
    mutating func take(_ content: BufferSlice) throws -> Step {
        let recordsBefore = checker.totals.recordCount
        var step = Step(end: checker.nextOffset)
        try content.withSpan { span in
            var position = 0
            while let event = try decoder.next(span, at: &position) {
                try checker.check(event, at: decoder.record)
                try take(event, from: content, into: &step)
                guard checker.totals.recordCount - recordsBefore <= Limits.blockRecordCountMax else {
                    throw violation("records in a block", "at most \(Limits.blockRecordCountMax)", "more")
                }
            }
        }
        // Before the size is acted on; a block may hold the opening records only.
        if step.resize != nil { try checkHeader() }
        guard decoder.isBetweenRecords || decoder.isAtEnd else {
            throw violation("block content", "whole records", "a cut one")
        }
        step.end = checker.isAtEnd ? max(checker.nextOffset, targetByteCount) : checker.nextOffset
        step.recordCount = UInt64(checker.totals.recordCount - recordsBefore)
        return step
    }

    /// Notes that everything below `offset` is equal on both ends, or was taken in.
    mutating func settle(to offset: UInt64) throws(ProtocolViolation) {
        let isLeafEnd = offset.isMultiple(of: Limits.digestLeafByteCount) || offset == targetByteCount
        guard isHeaderChecked, !isAtEnd, offset >= checker.nextOffset, offset <= targetByteCount, isLeafEnd else {
            let expected = "the end of a leaf in \(checker.nextOffset) to \(targetByteCount), among the blocks"
            throw violation("settled", expected, "\(offset)")
        }
        checker.settle(to: offset)
    }

    private mutating func take(_ event: DiffEvent, from content: BufferSlice, into step: inout Step) throws {
        switch event {
        case .fromSnapshot, .toSnapshot, .protection, .imageByteCount: break
        case .write, .end:
            try checkHeader()
        case .data(let offset, let range):
            let start = content.range.lowerBound
            step.writes.append(.data(offset: offset, range: start + range.lowerBound..<start + range.upperBound))
        case .zero(let extent):
            try checkHeader()
            step.writes.append(.zeroes(extent))
        case .skipped(let tag, _):
            throw violation("standard record", "one of f t p s w z e", "tag \(tag)")
        }
        if case .imageByteCount(let byteCount) = event { step.resize = byteCount }
    }

    /// Checks, once, that the records in front of the data name the transfer that was agreed.
    private mutating func checkHeader() throws {
        guard !isHeaderChecked else { return }
        isHeaderChecked = true
        let header = checker.header
        guard areSame(header.fromSnapshot, transfer.base?.name) else {
            throw violation("from snapshot", transfer.base?.name ?? "none", header.fromSnapshot ?? "none")
        }
        guard areSame(header.toSnapshot, transfer.target.name) else {
            throw violation("to snapshot", transfer.target.name, header.toSnapshot ?? "none")
        }
        guard header.imageByteCount == targetByteCount else {
            throw violation("image size", "\(targetByteCount)", header.imageByteCount.map(String.init) ?? "none")
        }
    }

    /// Whether both names are the same bytes, as Ceph compares them.
    private func areSame(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one.hasSameBytes(as: other)
    }

    private func violation(_ what: String, _ expected: String, _ found: String) -> ProtocolViolation {
        ProtocolViolation(.contradiction(what, expected: expected.printable, found: found.printable))
    }
}
