import Compression
import Conversation
import FerryCore
import ImageStore
import OpenSSL
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
    /// Content being applied at once, in bytes.
    static let applyingByteCountMax: UInt64 = 16 << 20

    let mirror: any MirrorImage
    let transfer: TransferIdentity
    let targetByteCount: UInt64
    let start: ResumePoint
    let workers: BlockingThreads
    let decompressor: BlockDecompressor
    let checkpointer: Checkpointer

    /// Applies what `nextBlock` gives until it gives nil. Returns what was taken in, once all of it is applied.
    ///
    /// Whether it returns or throws, what was applied is behind a checkpoint, unless the store itself failed.
    func run(nextBlock: @escaping @Sendable () async throws -> [UInt8]?) async throws -> RunningTotals {
        do {
            return try await applyAll(nextBlock)
        } catch {
            // The connection is gone, or the peer is wrong: keep what is whole, so that it need not come again.
            do {
                try await checkpointer.finish()
            } catch let storeError {
                // A store that fails as well says more than a connection that ended.
                throw error.isConnectionLoss ? storeError : error
            }
            throw error
        }
    }

    private func applyAll(_ nextBlock: @escaping @Sendable () async throws -> [UInt8]?) async throws -> RunningTotals {
        let blockNumber = Atomic<UInt64>(0)
        var intake = DeltaIntake(transfer: transfer, targetByteCount: targetByteCount, watermark: start.watermark)
        var totals = RunningTotals()
        let budget = ByteBudget(limit: Self.applyingByteCountMax)
        try await withThrowingTaskGroup(of: Void.self) { applying in
            try await orderedMap(
                width: Self.openingCountMax,
                next: {
                    guard let payload = try await nextBlock() else { return nil as NumberedPayload? }
                    let number = blockNumber.wrappingAdd(1, ordering: .relaxed).oldValue
                    return NumberedPayload(number: number, payload: payload)
                },
                transform: { try await self.open($0) },
                consume: { block in
                    let step = try intake.take(block.content)
                    totals.add(
                        recordCount: step.recordCount, contentByteCount: block.content.byteCount,
                        blockDigest: block.digest, hash: { SHA256Digest.digest($0.span) })
                    try await begin(step, block.content, budget, &applying)
                })
            try await applying.waitForAll()
        }
        guard intake.isAtEnd else {
            throw ProtocolViolation(.contradiction("stream", expected: "an end record", found: "totals"))
        }
        return totals
    }

    private struct NumberedPayload: Sendable {
        let number: UInt64
        let payload: [UInt8]
    }

    private func open(_ block: NumberedPayload) async throws -> OpenedBlock {
        let decompressor = decompressor
        return try await workers.run { () throws(any Error) -> OpenedBlock in
            try OpenedBlock(payload: block.payload, number: block.number, decompressor: decompressor)
        }
    }

    /// Starts to apply a block; waits until there is room for it. Errors of earlier blocks surface here.
    private func begin(
        _ step: DeltaIntake.Step, _ content: DataBuffer, _ budget: ByteBudget,
        _ applying: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        if let byteCount = step.resize { try await resize(to: byteCount) }
        try await budget.take(UInt64(content.byteCount))
        let number = checkpointer.begin(contentByteCount: content.byteCount, end: step.end)
        applying.addTask {
            do {
                if !step.writes.isEmpty { try await mirror.apply(step.writes, from: content) }
            } catch {
                budget.fail(error)
                throw error
            }
            budget.give(UInt64(content.byteCount))
            try await checkpointer.complete(number)
        }
    }

    private func resize(to byteCount: UInt64) async throws {
        guard try await mirror.headByteCount() != byteCount else { return }
        try await mirror.resize(to: byteCount)
    }
}
