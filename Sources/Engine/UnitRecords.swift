import DiffStream
import FerryCore
import Pipeline

/// The records of a unit, encoded, with room in front for what a block starts with.
struct UnitRecords {
    /// The room that a unit's buffer needs, so that its records can be made around the data that were read into it.
    static let room = UnitRoom(
        frontByteCount: SealedBlock.frontByteCount, pieceByteCount: DiffEncoder.writeHeaderByteCount)

    /// The records' bytes.
    let content: BufferSlice
    /// How many there are.
    let count: UInt64

    /// Encodes `unit`, whose data are in `buffer`, planned with `room`; zeros found in the data become zero records, or
    /// nothing when `sendsZeros` is false.
    init(unit: DeltaUnit, buffer: DataBuffer, sendsZeros: Bool) {
        let stretches = Self.stretches(of: unit, in: buffer)
        if stretches.count == unit.pieces.count, stretches.allSatisfy({ $0.range != nil }) {
            self.init(inPlace: stretches, buffer)
        } else {
            self.init(copying: stretches.filter { sendsZeros || $0.range != nil }, from: buffer)
        }
    }

    /// A part of the image, and where in the buffer its data lie; nil for zeros.
    private struct Stretch {
        let extent: Extent
        let range: Range<Int>?
    }

    private static func stretches(of unit: DeltaUnit, in buffer: DataBuffer) -> [Stretch] {
        var stretches: [Stretch] = []
        stretches.reserveCapacity(unit.pieces.count)
        unit.forEachStretch(in: buffer) { stretches.append(Stretch(extent: $0, range: $1)) }
        return stretches
    }

    /// Every piece is data from end to end, as almost always: its header goes into the room in front of it.
    private init(inPlace stretches: [Stretch], _ buffer: DataBuffer) {
        var header: [UInt8] = []
        for stretch in stretches {
            guard let range = stretch.range else { continue }
            header.removeAll(keepingCapacity: true)
            DiffEncoder.appendWriteHeader(stretch.extent, to: &header)
            buffer.write(header.span, at: range.lowerBound - header.count)
        }
        content = BufferSlice(buffer).dropFirst(Self.room.frontByteCount)
        count = UInt64(stretches.count)
    }

    private init(copying stretches: [Stretch], from buffer: DataBuffer) {
        let dataByteCount = stretches.reduce(0) { $0 + ($1.range?.count ?? 0) }
        let contentByteCount = dataByteCount + stretches.count * Self.room.pieceByteCount
        let copy = DataBuffer(byteCount: Self.room.frontByteCount + contentByteCount)
        var position = Self.room.frontByteCount
        var header: [UInt8] = []
        for stretch in stretches {
            header.removeAll(keepingCapacity: true)
            if stretch.range != nil {
                DiffEncoder.appendWriteHeader(stretch.extent, to: &header)
            } else {
                DiffEncoder.appendZero(stretch.extent, to: &header)
            }
            copy.write(header.span, at: position)
            position += header.count
            guard let range = stretch.range else { continue }
            buffer.withSpan { copy.write($0.extracting(range), at: position) }
            position += range.count
        }
        content = BufferSlice(copy).dropFirst(Self.room.frontByteCount)
        count = UInt64(stretches.count)
    }
}
