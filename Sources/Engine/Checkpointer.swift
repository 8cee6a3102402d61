import Conversation
import FerryCore
import ImageStore
import Planning
import Synchronization

/// Keeps count of what was applied, and makes it durable every so often: flush, then checkpoint, then tell.
final class Checkpointer: Sendable {
    private struct State: Sendable {
        var watermark: Watermark
        /// Content of the blocks that are begun and not below the watermark, in bytes, in order.
        var pendingByteCounts: [UInt64] = []
        /// Content of this connection below the watermark, applied but not yet said to be durable.
        var appliedByteCount: UInt64 = 0
        var durableByteCount: UInt64 = 0
        var durableOffset: UInt64
        var lastTime: ContinuousClock.Instant
        var isRunning = false
    }
    private let state: Mutex<State>
    private let mirror: any MirrorImage
    private let transfer: TransferIdentity
    private let start: ResumePoint
    private let distanceByteCount: UInt64
    private let distanceTime: Duration
    private let clock: StageClock
    private let tell: @Sendable (Progress) async throws -> Void

    /// Checkpoints `transfer`, from `start` on, whenever `distanceByteCount` more content or `distanceTime` has
    /// passed. `tell` reports what is durable to the peer.
    init(
        mirror: any MirrorImage, transfer: TransferIdentity, start: ResumePoint, distanceByteCount: UInt64,
        distanceTime: Duration, clock: StageClock, tell: @escaping @Sendable (Progress) async throws -> Void
    ) {
        self.mirror = mirror
        self.transfer = transfer
        self.start = start
        self.distanceByteCount = distanceByteCount
        self.distanceTime = distanceTime
        self.clock = clock
        self.tell = tell
        state = Mutex(
            State(
                watermark: Watermark(offset: start.watermark), durableOffset: start.watermark, lastTime: .now))
    }

    /// Notes that the next block in order is about to be applied. Returns its number.
    func begin(contentByteCount: Int, end: UInt64) -> Int {
        state.withLock { state in
            state.pendingByteCounts.append(UInt64(contentByteCount))
            return state.watermark.begin(end: end)
        }
    }

    /// Notes that a block is applied; makes a checkpoint when one is due and none is being made.
    func complete(_ number: Int) async throws {
        let isDue = state.withLock { state in
            state.watermark.complete(number)
            while state.pendingByteCounts.count > state.watermark.pendingCount {
                state.appliedByteCount += state.pendingByteCounts.removeFirst()
            }
            return takeTurn(&state)
        }
        if isDue { try await runWhileDue() }
    }

    /// Makes everything below the watermark durable and stores it; for the end of a connection.
    func finish() async throws {
        try await store(phase: .applying)
    }

    /// Stores that everything is applied and that the snapshot is about to be made, with an id above
    /// `snapshotIDMax` and `snapshotByteCount` bytes; under a name of its own where `mirrorName` is one.
    func beginPublishing(snapshotIDMax: UInt64, snapshotByteCount: UInt64, mirrorName: String? = nil) async throws {
        try await store(
            phase: .publishing, snapshotIDMax: snapshotIDMax, snapshotByteCount: snapshotByteCount,
            mirrorName: mirrorName)
    }

    /// Stores that the head must be prepared anew before the next transfer.
    func distrust() async throws {
        try await mirror.distrustHead(for: transfer)
    }

    private func takeTurn(_ state: inout State) -> Bool {
        let ahead = state.appliedByteCount - state.durableByteCount
        // A comparison comes on without content where both ends are equal.
        let isAhead = ahead > 0 || state.watermark.offset > state.durableOffset
        let isDue = ahead >= distanceByteCount || isAhead && ContinuousClock.now - state.lastTime >= distanceTime
        guard isDue, !state.isRunning else { return false }
        state.isRunning = true
        return true
    }

    private func runWhileDue() async throws {
        repeat {
            do {
                try await tell(try await store(phase: .applying))
            } catch {
                state.withLock { $0.isRunning = false }
                throw error
            }
        } while state.withLock { state in
            state.isRunning = false
            return takeTurn(&state)
        }
    }

    @discardableResult
    private func store(
        phase: Checkpoint.Phase, snapshotIDMax: UInt64? = nil, snapshotByteCount: UInt64? = nil,
        mirrorName: String? = nil
    ) async throws -> Progress {
        let (watermark, applied) = state.withLock { ($0.watermark.offset, $0.appliedByteCount) }
        let point = ResumePoint(watermark: watermark, contentByteCount: start.contentByteCount + applied)
        try await clock.time(.flush) {
            try await mirror.flush()
            try await mirror.setState(
                Checkpoint(
                    transfer: transfer, resumePoint: point, phase: phase, snapshotIDMax: snapshotIDMax,
                    snapshotByteCount: snapshotByteCount, mirrorName: mirrorName),
                ImageStateKey.checkpoint)
        }
        state.withLock { state in
            state.durableByteCount = max(state.durableByteCount, applied)
            state.durableOffset = max(state.durableOffset, watermark)
            state.lastTime = .now
        }
        return Progress(watermark: watermark, contentByteCount: applied)
    }
}
