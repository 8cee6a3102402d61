public import FerryCore
public import ImageStore

/// A part of a delta that is read, encoded and sent as one block.
public struct DeltaUnit: Sendable, Equatable {
    /// A changed extent, cut to fit, in order of offset.
    public enum Piece: Sendable, Equatable {
        /// Read into the unit's buffer at this position.
        case data(Extent, position: Int)
        /// Known to be zeros.
        case zero(Extent)
    }
    /// What is in it.
    public var pieces: [Piece] = []
    /// Bytes to read, all data pieces together.
    public var readByteCount = 0
    /// Size of the buffer that the pieces' positions lie in, in bytes.
    public var bufferByteCount = 0
    /// Every byte of the delta below this offset is in this unit or an earlier one.
    public var end: UInt64 = 0

    /// A unit from its parts; by default nothing.
    public init(pieces: [Piece] = [], readByteCount: Int = 0, bufferByteCount: Int = 0, end: UInt64 = 0) {
        self.pieces = pieces
        self.readByteCount = readByteCount
        self.bufferByteCount = bufferByteCount
        self.end = end
    }

    /// The reads that fill the unit's buffer.
    public var reads: [BufferRead] {
        pieces.compactMap { piece in
            guard case .data(let extent, let position) = piece else { return nil }
            return BufferRead(extent, at: position)
        }
    }
}

extension DeltaUnit {
    /// Calls `body` with each stretch of the unit, in order, once its data are in `buffer`: with where they lie there, or
    /// with nil for zeros, known ones and those that are found in the data.
    public func forEachStretch(in buffer: DataBuffer, _ body: (Extent, Range<Int>?) -> Void) {
        for piece in pieces {
            switch piece {
            case .zero(let extent): body(extent, nil)
            case .data(let extent, let position):
                let range = position..<position + Int(extent.byteCount)
                for run in buffer.runs(in: range, imageOffset: extent.offset) {
                    let offset = extent.offset + UInt64(run.range.lowerBound - position)
                    let part = Extent(offset: offset, byteCount: UInt64(run.range.count))
                    body(part, run.isZero ? nil : run.range)
                }
            }
        }
    }
}

/// Room that a unit's buffer has besides what is read, so that a block can be made where the data are.
public struct UnitRoom: Sendable, Equatable {
    /// Bytes in front of everything.
    public var frontByteCount: Int
    /// Bytes in front of each piece.
    public var pieceByteCount: Int

    /// Room of so many bytes; by default none.
    public init(frontByteCount: Int = 0, pieceByteCount: Int = 0) {
        self.frontByteCount = frontByteCount
        self.pieceByteCount = pieceByteCount
    }
}

/// Groups changed extents into units, in order of offset.
public struct DeltaUnitPlanner {
    /// A unit closes when it holds this many bytes to read. Writes are cut at multiples of it, so that none
    /// crosses an object's border.
    public static let readByteCountMax = Limits.writeByteCountMax
    /// A unit closes when it holds this many pieces; bounds the records of a block.
    public static let pieceCountMax = 4096

    private let room: UnitRoom
    private var open = DeltaUnit()
    private var ready: [DeltaUnit] = []

    /// Nothing planned yet; by default pieces lie in the buffer one after another.
    public init(room: UnitRoom = UnitRoom()) {
        self.room = room
    }

    /// Adds the next extent.
    public mutating func add(_ changed: ChangedExtent) {
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
    public mutating func finish() {
        if !open.pieces.isEmpty { ready.append(open) }
        open = DeltaUnit()
    }

    /// The units that are complete; they are handed out once.
    public mutating func takeReady() -> [DeltaUnit] {
        defer { ready = [] }
        return ready
    }

    private mutating func append(data extent: Extent) {
        if open.readByteCount + Int(extent.byteCount) > Self.readByteCountMax { finish() }
        let position = max(open.bufferByteCount, room.frontByteCount) + room.pieceByteCount
        append(.data(extent, position: position), readByteCount: Int(extent.byteCount), end: extent.end)
    }

    private mutating func append(_ piece: DeltaUnit.Piece, readByteCount: Int, end: UInt64) {
        open.pieces.append(piece)
        open.readByteCount += readByteCount
        open.bufferByteCount = max(open.bufferByteCount, room.frontByteCount) + room.pieceByteCount + readByteCount
        open.end = end
        if open.pieces.count == Self.pieceCountMax || open.readByteCount == Self.readByteCountMax { finish() }
    }
}
