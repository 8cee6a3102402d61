import Compression
import Conversation
import DiffStream
import FerryCore
import ImageStore
import Pipeline
import Threading

/// Reads a delta and turns it into sealed blocks, in order of offset.
///
/// units -> read (several in flight) -> cut out zeros -> records -> digest and compress -> emit
///
/// What changed is listed by the delta, unless another lister is given.
struct DeltaSender {
    /// Units of one delta between listing and emission at once.
    static let unitCountMax = 12
    /// Bytes of all units of all deltas of this process between listing and emission: bounds memory, at about three
    /// times this, however many images are sent at once.
    private static let memory = ByteBudget(limit: Pacing.memoryByteCount)
    /// What a small unit counts as.
    private static let unitByteCountMin: UInt64 = 64 << 10

    let delta: any Delta
    /// Lists what is sent of `delta`'s target; nil: `delta` itself.
    var list: DeltaUnits.Lister?
    let transfer: TransferIdentity
    let isTargetProtected: Bool
    let workers: BlockingThreads
    let compression: CompressionControl
    /// Contexts are worth keeping from one transfer to the next.
    private static let compressor = BlockCompressor()
    let meter: TransferMeter
    var pacing = Pacing()

    /// Sends everything from `offset` on. `settle` hears, of a comparison, up to where nothing is left to send. `recheck`
    /// runs after the last read and before the end record is made; when it throws, no end record goes out.
    func run(
        from offset: UInt64, emit: (SealedBlock) async throws -> Void,
        settle: (UInt64) async throws -> Void = { _ in }, recheck: () async throws -> Void
    ) async throws {
        try await emit(try await sealed(openingRecords(), recordCount: openingRecordCount, end: offset))
        let (meter, pacing) = (meter, pacing)
        let units = DeltaUnits(
            list: list ?? { [delta] in try await delta.extents(from: $0) }, byteCount: delta.byteCount, from: offset,
            room: UnitRecords.room, marksBatches: transfer.mode == .compare
        ) { scanned in
            meter.update { $0.scannedOffset = scanned }
        }
        try await orderedMap(
            width: Self.unitCountMax,
            next: {
                let next = try await meter.clock.time(.diff) { try await units.next() }
                guard let unit = next else { return nil as SharedUnit? }
                try await pacing.takeReading(unit.readByteCount, countedBy: meter)
                return SharedUnit(unit: unit, share: try await self.share(of: unit))
            },
            transform: { shared in
                (block: try await self.block(of: shared.unit), unit: shared.unit, share: shared.share)
            },
            consume: { sealed in
                if let block = sealed.block {
                    try await emit(block)
                    compression.noteSent()
                } else if sealed.unit.pieces.isEmpty {
                    try await settle(sealed.unit.end)
                }
                withExtendedLifetime(sealed.share) {}
                meter.update { $0.unitsHeld -= 1 }
            })
        try await recheck()
        var content: [UInt8] = []
        DiffEncoder.appendEnd(to: &content)
        try await emit(try await sealed(content, recordCount: 1, end: max(offset, delta.byteCount)))
    }

    private struct SharedUnit: Sendable {
        let unit: DeltaUnit
        let share: ByteShare
    }

    /// Memory for a unit; taken in order of offset, so the unit that is due next is never the one that waits.
    private func share(of unit: DeltaUnit) async throws -> ByteShare {
        meter.update { $0.isWaitingForMemory = true }
        defer { meter.update { $0.isWaitingForMemory = false } }
        let byteCount = max(UInt64(unit.readByteCount), Self.unitByteCountMin)
        let share = try await (pacing.memory ?? Self.memory).share(byteCount)
        meter.update { $0.unitsHeld += 1 }
        return share
    }

    private var openingRecordCount: UInt64 { transfer.base == nil ? 3 : 4 }

    private func openingRecords() -> [UInt8] {
        var content: [UInt8] = []
        if let base = transfer.base { DiffEncoder.appendFromSnapshot(base.name, to: &content) }
        DiffEncoder.appendToSnapshot(transfer.target.name, to: &content)
        DiffEncoder.appendProtection(isTargetProtected, form: .length1, to: &content)
        DiffEncoder.appendImageByteCount(delta.byteCount, to: &content)
        return content
    }

    /// Reads a unit and makes its block; nil when nothing of it needs sending.
    private func block(of unit: DeltaUnit) async throws -> SealedBlock? {
        guard !unit.pieces.isEmpty else { return nil }
        let buffer = DataBuffer(byteCount: unit.bufferByteCount)
        try await meter.clock.time(.read) { try await delta.read(unit.reads, into: buffer) }
        meter.update { $0.readByteCount += UInt64(unit.readByteCount) }
        // On a first copy the mirror is all zeros to begin with.
        let sendsZeros = transfer.base != nil || !transfer.mode.usesChangeList
        let compression = compression
        return try await meter.clock.time(.compress) {
            try await workers.run { () throws(ZstdError) -> SealedBlock? in
                let records = UnitRecords(unit: unit, buffer: buffer, sendsZeros: sendsZeros)
                guard records.count > 0 else { return nil }
                return try SealedBlock(
                    content: records.content, recordCount: records.count, dataRecordCount: records.count, end: unit.end,
                    compressor: Self.compressor, level: compression.level)
            }
        }
    }

    private func sealed(_ content: [UInt8], recordCount: UInt64, end: UInt64) async throws -> SealedBlock {
        let buffer = DataBuffer(byteCount: SealedBlock.frontByteCount + content.count)
        buffer.write(content.span, at: SealedBlock.frontByteCount)
        let slice = BufferSlice(buffer).dropFirst(SealedBlock.frontByteCount)
        return try await workers.run { () throws(ZstdError) -> SealedBlock in
            try SealedBlock(
                content: slice, recordCount: recordCount, dataRecordCount: 0, end: end,
                compressor: Self.compressor, level: nil)
        }
    }
}
