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
                totals += records.totals
                meter.update { counts in
                    counts.offset = records.end
                    counts.dataByteCount += records.totals.writtenByteCount
                }
            })
        try await recheck()
        var end = StreamPieces()
        end.appendHead { format.appendEnd(to: &$0) }
        try await output.write(end)
        return DiffSummary(whole: header, totals)
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
        unit.forEachStretch(in: buffer) { extent, range in
            if let range {
                pieces.appendHead { format.appendWriteHeader(extent, to: &$0) }
                pieces.append(range, of: buffer)
                totals.countWrite(extent)
            } else if sendsZeros {
                pieces.appendHead { format.appendZero(extent, to: &$0) }
                totals.countZero(extent)
            }
        }
    }
}
