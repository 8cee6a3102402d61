import DiffStream
import FerryCore
import ImageStore
import Pipeline
import Threading

/// Writes one delta as a diff.
///
/// units -> read (several in flight) -> cut out zeros -> records, in order of offset -> output
struct DiffWriter: Sendable {
    /// Units between listing and output at once; each holds a megabyte at most.
    static let unitCountMax = 12

    let delta: any Delta
    let format: any StreamFormat
    let header: DiffHeader
    let workers: BlockingThreads
    let output: StreamOutput
    let meter: StreamMeter

    /// Writes `opening`, then the diff. `recheck` runs after the last read; when it throws, no end is written.
    func run(after opening: StreamPieces, recheck: () async throws -> Void) async throws -> DiffSummary {
        meter.beginDiff(imageByteCount: delta.byteCount, estimatedByteCount: try await delta.changedByteCountEstimate())
        meter.update { $0.phase = .exporting }
        var totals = DiffTotals()
        var opening = opening
        opening.appendHead { format.appendDiffOpening(header, to: &$0) }
        try await output.write(opening)
        let units = DeltaUnits(delta: delta, from: 0) { [meter] offset in
            meter.update { $0.scannedOffset = offset }
        }
        try await orderedMap(
            width: Self.unitCountMax, next: { try await units.next() },
            transform: { try await records(of: $0) },
            consume: { records in
                try await output.write(records.pieces)
                totals.add(records.totals)
                meter.update { counts in
                    counts.offset = records.end
                    counts.dataByteCount += records.totals.writtenByteCount
                }
            })
        try await recheck()
        var end = StreamPieces()
        end.appendHead { format.appendEnd(to: &$0) }
        try await output.write(end)
        totals.recordCount += header.recordCount + 1
        return DiffSummary(header: header, totals: totals)
    }

    private func records(of unit: DeltaUnit) async throws -> UnitPieces {
        let buffer = DataBuffer(byteCount: unit.readByteCount)
        try await delta.read(unit.reads, into: buffer)
        meter.update { $0.readByteCount += UInt64(unit.readByteCount) }
        // What a full diff leads to is all zeros to begin with.
        let sendsZeros = header.fromSnapshot != nil
        return await workers.run { UnitPieces(unit, buffer, format, sendsZeros: sendsZeros) }
    }
}

/// The records of a unit.
struct UnitPieces: Sendable {
    private(set) var pieces = StreamPieces()
    private(set) var totals = DiffTotals()
    /// Every byte of the delta below this offset is in this unit or an earlier one.
    let end: UInt64

    /// Encodes `unit`, whose data are in `buffer`; zeros found in the data become zero records, or nothing when
    /// `sendsZeros` is false.
    init(_ unit: DeltaUnit, _ buffer: DataBuffer, _ format: any StreamFormat, sendsZeros: Bool) {
        end = unit.end
        for piece in unit.pieces {
            switch piece {
            case .zero(let extent):
                if sendsZeros { append(zero: extent, format) }
            case .data(let extent, let position):
                append(extent, position, buffer, format, sendsZeros)
            }
        }
    }

    private mutating func append(
        _ extent: Extent, _ position: Int, _ buffer: DataBuffer, _ format: any StreamFormat, _ sendsZeros: Bool
    ) {
        let range = position..<position + Int(extent.byteCount)
        for run in buffer.runs(in: range, imageOffset: extent.offset) {
            let offset = extent.offset + UInt64(run.range.lowerBound - position)
            let part = Extent(offset: offset, byteCount: UInt64(run.range.count))
            if !run.isZero {
                pieces.appendHead { format.appendWriteHeader(part, to: &$0) }
                pieces.append(run.range, of: buffer)
                totals.writeCount += 1
                totals.writtenByteCount += part.byteCount
                totals.recordCount += 1
            } else if sendsZeros {
                append(zero: part, format)
            }
        }
    }

    private mutating func append(zero extent: Extent, _ format: any StreamFormat) {
        pieces.appendHead { format.appendZero(extent, to: &$0) }
        totals.zeroCount += 1
        totals.zeroedByteCount += extent.byteCount
        totals.recordCount += 1
    }
}

extension DiffTotals {
    fileprivate mutating func add(_ more: DiffTotals) {
        recordCount += more.recordCount
        writeCount += more.writeCount
        zeroCount += more.zeroCount
        writtenByteCount += more.writtenByteCount
        zeroedByteCount += more.zeroedByteCount
    }
}

extension DiffHeader {
    /// Records in front of the first extent.
    var recordCount: Int {
        (fromSnapshot == nil ? 0 : 1) + (toSnapshot == nil ? 0 : 1) + (isProtected == nil ? 0 : 1)
            + (imageByteCount == nil ? 0 : 1)
    }
}
