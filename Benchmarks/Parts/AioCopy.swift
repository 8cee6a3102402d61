import Dispatch
import FerryCore
import Synchronization

/// Copies one image into another: some reads in flight, some writes, nothing between. Used by one thread, which it blocks.
final class AioCopy {
    /// A request that has ended.
    private enum Ended: Sendable {
        case read(Piece, result: Int)
        case write(Piece, result: Int)
        case flush(result: Int)
    }

    /// A part of the image on its way, and its memory.
    private struct Piece: Sendable {
        let offset: UInt64
        let byteCount: Int
        let buffer: DataBuffer

        /// The part of the buffer that it fills. Valid as long as the buffer is referenced.
        var memory: UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: buffer.unsafeBytes[..<byteCount])
        }
    }

    /// What has ended and was not looked at yet; librbd's threads add to it.
    private final class EndedQueue: Sendable {
        private let waiting = Mutex<[Ended]>([])
        private let count = DispatchSemaphore(value: 0)

        func add(_ ended: Ended) {
            waiting.withLock { $0.append(ended) }
            count.signal()
        }

        /// The oldest; blocks until there is one.
        func next() -> Ended? {
            count.wait()
            return waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        }
    }

    private let source: RawImage
    private let target: RawImage
    private let byteCount: UInt64
    private let inFlightCountMax: Int
    private let requestByteCount: Int
    private let ended = EndedQueue()
    private var freeBuffers: [DataBuffer]
    private var readPieces: [Piece] = []
    private var nextOffset: UInt64 = 0
    private var readCount = 0
    private var writeCount = 0
    private var failure: MeasurementError?

    /// A copy of the first `byteCount` bytes with `inFlightCountMax` reads and as many writes at once.
    init(from source: RawImage, to target: RawImage, byteCount: UInt64, inFlightCountMax: Int, requestByteCount: Int) {
        self.source = source
        self.target = target
        self.byteCount = byteCount
        self.inFlightCountMax = inFlightCountMax
        self.requestByteCount = requestByteCount
        freeBuffers = (0..<2 * inFlightCountMax).map { _ in DataBuffer(byteCount: requestByteCount) }
        // Page faults are taken now, not while it copies.
        for buffer in freeBuffers { buffer.clear() }
    }

    /// Copies, and ends when the target has made it durable.
    func run() throws(MeasurementError) {
        while true {
            startRequests()
            guard readCount + writeCount > 0 else { break }
            note(ended.next())
        }
        // Whatever failed, nothing is in flight now: the memory may go.
        if let failure { throw failure }
        try flush()
    }

    private func startRequests() {
        do throws(MeasurementError) {
            while failure == nil, writeCount < inFlightCountMax, !readPieces.isEmpty {
                let piece = readPieces.removeFirst()
                try target.start(.write(offset: piece.offset, piece.memory)) { [ended] in
                    ended.add(.write(piece, result: $0))
                }
                writeCount += 1
            }
            while failure == nil, readCount < inFlightCountMax, nextOffset < byteCount,
                let buffer = freeBuffers.popLast()
            {
                let count = Int(min(UInt64(requestByteCount), byteCount - nextOffset))
                let piece = Piece(offset: nextOffset, byteCount: count, buffer: buffer)
                try source.start(.read(offset: nextOffset, piece.memory)) { [ended] in
                    ended.add(.read(piece, result: $0))
                }
                readCount += 1
                nextOffset += UInt64(count)
            }
        } catch {
            failure = error
        }
    }

    private func note(_ request: Ended?) {
        switch request {
        case .read(let piece, let result):
            readCount -= 1
            if result == piece.byteCount {
                readPieces.append(piece)
            } else {
                failure = failure ?? MeasurementError("rbd_aio_read2", result)
            }
        case .write(let piece, let result):
            writeCount -= 1
            freeBuffers.append(piece.buffer)
            if result < 0 { failure = failure ?? MeasurementError("rbd_aio_write2", result) }
        case .flush, nil:
            break
        }
    }

    private func flush() throws(MeasurementError) {
        try target.start(.flush) { [ended] in ended.add(.flush(result: $0)) }
        guard case .flush(let result) = ended.next() else { throw MeasurementError("the flush got lost") }
        guard result >= 0 else { throw MeasurementError("rbd_aio_flush", result) }
    }
}
