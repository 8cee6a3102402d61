import FerryCore
import ImageStore

/// A part of a delta that is read, encoded and sent as one block.
struct DeltaUnit: Sendable, Equatable {
    /// A changed extent, cut to fit, in order of offset.
    enum Piece: Sendable, Equatable {
        /// Read into the unit's buffer at this position.
        case data(Extent, position: Int)
        /// Known to be zeros.
        case zero(Extent)
    }
    /// What is in it.
    var pieces: [Piece] = []
    /// Bytes to read, all data pieces together.
    var readByteCount = 0
    /// Every byte of the delta below this offset is in this unit or an earlier one.
    var end: UInt64 = 0

    /// The reads that fill the unit's buffer.
    var reads: [BufferRead] {
        pieces.compactMap { piece in
            guard case .data(let extent, let position) = piece else { return nil }
            return BufferRead(extent, at: position)
        }
    }
}

/// Groups changed extents into units, in order of offset.
struct DeltaUnitPlanner {
    /// A unit closes when it holds this many bytes to read. Writes are cut at multiples of it, so that none
    /// crosses an object's border.
    static let readByteCountMax = Limits.writeByteCountMax
    /// A unit closes when it holds this many pieces; bounds the records of a block.
    static let pieceCountMax = 4096

    private var open = DeltaUnit()
    private var ready: [DeltaUnit] = []

    /// Adds the next extent.
    mutating func add(_ changed: ChangedExtent) {
        switch changed.content {
        case .zero:
            append(.zero(changed.extent), readByteCount: 0, end: changed.extent.end)
        case .data:
            var rest: Extent? = changed.extent
            while let extent = rest {
                let border = (extent.offset / UInt64(Self.readByteCountMax) + 1) * UInt64(Self.readByteCountMax)
                if let piece = extent.clipped(to: border) { append(data: piece) }
                rest = extent.clipped(from: border)
            }
        }
    }

    /// Closes the open unit, if it holds anything.
    mutating func finish() {
        if !open.pieces.isEmpty { ready.append(open) }
        open = DeltaUnit()
    }

    /// The units that are complete; they are handed out once.
    mutating func takeReady() -> [DeltaUnit] {
        defer { ready = [] }
        return ready
    }

    private mutating func append(data extent: Extent) {
        if open.readByteCount + Int(extent.byteCount) > Self.readByteCountMax { finish() }
        append(.data(extent, position: open.readByteCount), readByteCount: Int(extent.byteCount), end: extent.end)
    }

    private mutating func append(_ piece: DeltaUnit.Piece, readByteCount: Int, end: UInt64) {
        open.pieces.append(piece)
        open.readByteCount += readByteCount
        open.end = end
        if open.pieces.count == Self.pieceCountMax || open.readByteCount == Self.readByteCountMax { finish() }
    }
}

/// Lists a delta's units from an offset on. One taker at a time.
actor DeltaUnits {
    private let delta: any Delta
    private let meter: TransferMeter
    private var offset: UInt64
    private var planner = DeltaUnitPlanner()
    private var ready: ArraySlice<DeltaUnit> = []

    init(delta: any Delta, from offset: UInt64, meter: TransferMeter) {
        self.delta = delta
        self.meter = meter
        self.offset = offset
    }

    /// The next unit; nil at the end of the image.
    func next() async throws -> DeltaUnit? {
        while ready.isEmpty {
            guard offset < delta.byteCount else { return nil }
            let batch = try await delta.extents(from: offset)
            precondition(batch.scannedTo > offset, "a scan advances")
            offset = batch.scannedTo
            meter.update { $0.scannedOffset = batch.scannedTo }
            for changed in batch.extents { planner.add(changed) }
            if offset >= delta.byteCount { planner.finish() }
            ready = planner.takeReady()[...]
        }
        return ready.popFirst()
    }
}
