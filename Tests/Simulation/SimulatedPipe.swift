import NIOCore
import SecureTransport
import TestSupport

/// One direction of a simulated connection: bytes in order, late, in pieces, and bounded.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
final class SimulatedPipe: @unchecked Sendable {
    private struct Writer {
        let id: Int
        let continuation: UnsafeContinuation<Void, Never>
    }

    private let plan: LinkPlan
    private let end: LinkPlan.End?
    private var generator: SeededGenerator
    private var line: BlockLoss?
    /// Bytes that were sent and not read.
    private(set) var queuedByteCount = 0
    /// The most that they ever were.
    private(set) var queuedByteCountMax = 0
    private(set) var writtenByteCount = 0
    /// All that was sent, if it is kept.
    private(set) var record: [ByteBuffer] = []
    private var arrived: [ByteBuffer] = []
    private var lastArrival = Duration.zero
    private var lastID = 0
    private var writers: [Writer] = []
    private var reader: UnsafeContinuation<Void, Never>?
    private var isSilent = false
    private var hasEnded = false
    private var losesArrivals = false
    private var writeFailure: TransportError?
    private var readFailure: TransportError?
    /// Called when the pipe's end comes.
    var onEnd: ((LinkPlan.Fate) -> Void)?

    init(_ plan: LinkPlan, end: LinkPlan.End?, seed: UInt64) {
        self.plan = plan
        self.end = end
        generator = SeededGenerator(seed: seed)
        line = BlockLoss(plan.tampering)
    }

    // MARK: The writing end

    func write(_ buffer: ByteBuffer) async throws(TransportError) {
        while writeFailure == nil, queuedByteCount > plan.queuedByteCountMax || !writers.isEmpty {
            try await waitForRoom()
            if queuedByteCount <= plan.queuedByteCountMax { break }
        }
        if let writeFailure { throw writeFailure }
        var bytes = buffer
        if let passed = line?.pass(buffer) { bytes = passed }
        if plan.isRecorded { record.append(bytes) }
        send(bytes)
        // The next one may have room as well.
        wakeWriter()
    }

    private func waitForRoom() async throws(TransportError) {
        if Task.isCancelled { throw .cancelled }
        lastID += 1
        let id = lastID
        await withTaskCancellationHandler {
            await withUnsafeContinuation { writers.append(Writer(id: id, continuation: $0)) }
        } onCancel: {
            guard let index = writers.firstIndex(where: { $0.id == id }) else { return }
            writers.remove(at: index).continuation.resume()
        }
        if Task.isCancelled { throw .cancelled }
    }

    private func wakeWriter() {
        guard queuedByteCount <= plan.queuedByteCountMax || writeFailure != nil, !writers.isEmpty else { return }
        writers.removeFirst().continuation.resume()
    }

    private func send(_ buffer: ByteBuffer) {
        var rest = buffer
        if let end, writtenByteCount + rest.readableBytes > end.byteCount {
            let count = max(end.byteCount - writtenByteCount, 0)
            rest = buffer.getSlice(at: buffer.readerIndex, length: count) ?? ByteBuffer()
        }
        let isLast = rest.readableBytes < buffer.readableBytes
        writtenByteCount += buffer.readableBytes
        queuedByteCount += buffer.readableBytes
        queuedByteCountMax = max(queuedByteCountMax, queuedByteCount)
        for index in 0..<plan.pieceCountMax where rest.readableBytes > 0 {
            let most = rest.readableBytes
            let count = index == plan.pieceCountMax - 1 ? most : Int.random(in: 1...most, using: &generator)
            if let piece = rest.readSlice(length: count) { sendPiece(piece) }
        }
        if rest.readableBytes > 0 { sendPiece(rest) }
        if isLast, let end { comeToEnd(end) }
    }

    private func sendPiece(_ piece: ByteBuffer) {
        guard !isSilent else { return }
        let onLine = Duration.nanoseconds(Int64(piece.readableBytes) * 1_000_000_000 / Int64(plan.byteRate))
        let jitter = Duration.nanoseconds(Int64(generator.next() % plan.jitterNanoseconds))
        lastArrival = max(lastArrival, VirtualExecutor.shared.now + plan.latency + jitter) + onLine
        VirtualExecutor.shared.schedule(after: lastArrival - VirtualExecutor.shared.now) { self.arrive(piece) }
    }

    private func comeToEnd(_ end: LinkPlan.End) {
        if end.losesWhatIsUnderWay { losesArrivals = true }
        if end.fate == .cut {
            let delay = max(lastArrival - VirtualExecutor.shared.now, .zero)
            VirtualExecutor.shared.schedule(after: delay) { self.onEnd?(.cut) }
        } else {
            isSilent = true
            onEnd?(end.fate)
        }
    }

    /// Sends what is queued, then the goodbye.
    func finish(_ failure: TransportError) {
        failWriters(failure)
        guard !isSilent else { return }
        VirtualExecutor.shared.schedule(after: max(lastArrival - VirtualExecutor.shared.now, .zero)) {
            self.hasEnded = true
            self.wakeReader()
        }
    }

    /// What is written from now on fails, and what waits to be written.
    func failWriters(_ failure: TransportError) {
        if writeFailure == nil { writeFailure = failure }
        let waiting = writers
        writers = []
        for writer in waiting { writer.continuation.resume() }
    }

    // MARK: The reading end

    func read() async throws(TransportError) -> ByteBuffer? {
        while true {
            if !arrived.isEmpty {
                let piece = arrived.removeFirst()
                queuedByteCount -= piece.readableBytes
                wakeWriter()
                return piece
            }
            if let readFailure { throw readFailure }
            if hasEnded { return nil }
            if Task.isCancelled { throw .cancelled }
            await waitForBytes()
        }
    }

    private func waitForBytes() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                precondition(reader == nil, "one reader at a time")
                reader = continuation
            }
        } onCancel: {
            wakeReader()
        }
    }

    private func wakeReader() {
        reader?.resume()
        reader = nil
    }

    private func arrive(_ piece: ByteBuffer) {
        guard !losesArrivals, readFailure == nil else { return }
        arrived.append(piece)
        wakeReader()
    }

    /// The reader hears of an end once it has read what arrived; or at once, and what arrived is thrown away.
    func failReader(_ failure: TransportError, atOnce: Bool) {
        if atOnce { arrived = [] }
        if readFailure == nil { readFailure = failure }
        wakeReader()
    }

    /// Nothing arrives any more, and nobody is told.
    func beSilent() {
        isSilent = true
        losesArrivals = true
    }
}
