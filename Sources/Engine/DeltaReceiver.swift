import Compression
import Conversation
import DiffStream
import FerryCore
import ImageStore
import OpenSSL
import Pipeline
import Planning
import Synchronization
import Threading

/// Takes a delta's blocks in and applies them to the mirror's head.
///
/// blocks -> inflate and check (several at once) -> records, in order -> resize, writes (several in flight) ->
/// watermark -> checkpoints
struct DeltaReceiver: Sendable {
    /// Blocks between the connection and the check at once.
    static let openingCountMax = 4
    /// Blocks being applied at once.
    static let applyingCountMax = 32

    let mirror: any MirrorImage
    let transfer: TransferIdentity
    let targetByteCount: UInt64
    let start: ResumePoint
    let baseByteCount: UInt64?
    let workers: BlockingThreads
    let decompressor: BlockDecompressor
    let checkpointer: Checkpointer
    let meter: TransferMeter
    private let memory = ReceiverMemory()

    /// A receiver for a mirror that is ready for a delta, whose target has `targetByteCount` bytes.
    init(
        _ prepared: PreparedMirror, targetByteCount: UInt64, workers: BlockingThreads,
        decompressor: BlockDecompressor, checkpointer: Checkpointer, meter: TransferMeter = TransferMeter()
    ) {
        mirror = prepared.image
        transfer = prepared.transfer
        self.targetByteCount = targetByteCount
        start = prepared.start
        baseByteCount = prepared.baseByteCount
        self.workers = workers
        self.decompressor = decompressor
        self.checkpointer = checkpointer
        self.meter = meter
    }

    /// What comes of a delta.
    enum Part: Sendable {
        /// A block's payload.
        case block(BufferSlice)
        /// Everything below the offset is equal, or is in the blocks that came before.
        case settled(UInt64)
    }

    /// Applies what `nextPart` gives until it gives nil. Returns what was taken in, once all of it is applied.
    ///
    /// Whether it returns or throws, what was applied is behind a checkpoint, unless the store itself failed. After
    /// a peer's violation the checkpoint says to begin again: what came before can't be trusted either.
    func run(nextPart: @escaping @Sendable () async throws -> Part?) async throws -> RunningTotals {
        do {
            return try await applyAll(nextPart)
        } catch {
            do {
                try await error.spoilsHead ? checkpointer.distrust() : checkpointer.finish()
            } catch let storeError {
                // A store that fails as well says more than a connection that ended.
                throw error.isConnectionLoss ? storeError : error
            }
            throw error
        }
    }

    private func applyAll(_ nextPart: @escaping @Sendable () async throws -> Part?) async throws
        -> RunningTotals
    {
        let ready = EventQueue<ReadyPart?>()
        // Two tasks, so that an error of either ends the other: a store that fails must not wait for the peer.
        return try await withThrowingTaskGroup(of: RunningTotals?.self) { group in
            group.addTask {
                let totals = try await self.takeIn(nextPart, ready)
                ready.send(nil)
                return totals
            }
            group.addTask {
                try await self.apply(ready)
                return nil
            }
            var totals: RunningTotals?
            while let part = try await group.next() { totals = part ?? totals }
            guard let totals else { preconditionFailure("one of the two returns totals") }
            return totals
        }
    }

    /// A block that is checked and waits to be applied, with the memory that it holds.
    private struct ReadyBlock: Sendable {
        let number: Int
        let content: BufferSlice
        let writes: [MirrorWrite]
        let share: ByteShare
    }

    /// What applies blocks waits for.
    private enum ReadyPart: Sendable {
        case block(ReadyBlock)
        /// Nothing to apply; its number among the blocks.
        case settled(Int, share: ByteShare)
    }

    /// What came, on its way through the check.
    private enum Arrival<Block: Sendable>: Sendable {
        case block(Block, share: ByteShare)
        case settled(UInt64, share: ByteShare)
    }
    /// What is counted for a part that holds no data, so that a store that hangs bounds them too.
    private static let settledByteCount: UInt64 = 64 << 10

    /// A block as it came.
    private struct ArrivedBlock: Sendable {
        let number: UInt64
        let payload: BufferSlice
    }

    /// Memory for what a block holds, coded or not, once there is some.
    private func share(of payload: BufferSlice) async throws -> ByteShare {
        let header = try payload.withSpan { (span) throws(ProtocolViolation) in try BlockHeader(payload: span) }
        return try await memory.share(UInt64(max(header.contentByteCount, payload.byteCount)))
    }

    /// Opens blocks, several at once, and checks their records in order.
    private func takeIn(
        _ nextPart: @escaping @Sendable () async throws -> Part?, _ ready: EventQueue<ReadyPart?>
    ) async throws -> RunningTotals {
        let blockNumber = BlockCounter()
        var intake = DeltaIntake(transfer: transfer, targetByteCount: targetByteCount, watermark: start.watermark)
        var totals = RunningTotals()
        try await orderedMap(
            width: Self.openingCountMax,
            next: { () -> Arrival<ArrivedBlock>? in
                switch try await nextPart() {
                case .block(let payload)?:
                    let block = ArrivedBlock(number: blockNumber.next(), payload: payload)
                    return .block(block, share: try await share(of: payload))
                case .settled(let offset)?:
                    return .settled(offset, share: try await memory.share(Self.settledByteCount))
                case nil: return nil
                }
            },
            transform: { arrival -> Arrival<OpenedBlock> in
                switch arrival {
                case .block(let block, let share):
                    .block(try await self.open(block.payload, block.number), share: share)
                case .settled(let offset, let share): .settled(offset, share: share)
                }
            },
            consume: { arrival in
                switch arrival {
                case .settled(let offset, let share):
                    try intake.settle(to: offset)
                    ready.send(.settled(checkpointer.begin(contentByteCount: 0, end: offset), share: share))
                case .block(let block, let share):
                    let step = try intake.take(block.content)
                    totals.add(
                        recordCount: step.recordCount, contentByteCount: block.content.byteCount,
                        blockDigest: block.digest, hash: { SHA256Digest.digest($0.span) })
                    if let byteCount = step.resize { try await resize(to: byteCount) }
                    let number = checkpointer.begin(contentByteCount: block.content.byteCount, end: step.end)
                    ready.send(
                        .block(
                            ReadyBlock(number: number, content: block.content, writes: step.writes, share: share)))
                }
            })
        guard intake.isAtEnd else {
            throw ProtocolViolation(.contradiction("stream", expected: "an end record", found: "totals"))
        }
        return totals
    }

    private func open(_ payload: BufferSlice, _ number: UInt64) async throws -> OpenedBlock {
        let decompressor = decompressor
        return try await meter.clock.time(.inflate) {
            try await workers.run { () throws(any Error) -> OpenedBlock in
                try OpenedBlock(payload: payload, number: number, decompressor: decompressor)
            }
        }
    }

    /// Applies blocks, several at once, until nil comes.
    private func apply(_ ready: EventQueue<ReadyPart?>) async throws {
        try await orderedMap(
            width: Self.applyingCountMax,
            next: { try await ready.next() },
            transform: { part in
                switch part {
                case .settled(let number, let share):
                    try await checkpointer.complete(number)
                    withExtendedLifetime(share) {}
                case .block(let block): try await apply(block)
                }
            }, consume: { _ in })
    }

    private func apply(_ block: ReadyBlock) async throws {
        meter.update { $0.blocksInStore += 1 }
        if !block.writes.isEmpty {
            try await meter.clock.time(.apply) {
                try await mirror.apply(block.writes, from: block.content.buffer)
            }
        }
        try await checkpointer.complete(block.number)
        meter.update {
            $0.blocksInStore -= 1
            $0.contentByteCount += UInt64(block.content.byteCount)
        }
        withExtendedLifetime(block.share) {}
    }

    private func resize(to byteCount: UInt64) async throws {
        let found = try await mirror.headByteCount()
        guard found != byteCount else { return }
        // Someone else's shrink must not be grown over: what it cut off would be zeros.
        if let baseByteCount, found != baseByteCount {
            throw EngineError.resizedMeanwhile(expected: baseByteCount, found: found)
        }
        try await meter.clock.time(.apply) { try await mirror.resize(to: byteCount) }
    }
}

extension Error {
    /// Whether a head to which part of a delta was applied can't be gone on with.
    fileprivate var spoilsHead: Bool {
        if case .resizedMeanwhile? = self as? EngineError { return true }
        return self is ProtocolViolation || self is DiffError
    }
}

/// Numbers the blocks of a transfer.
private final class BlockCounter: Sendable {
    private let count = Atomic<UInt64>(0)

    func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}
