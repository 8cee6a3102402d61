import Compression
import FerryCore
import Glibc

/// Writes the plain bytes of a stream. Not `Sendable`: `StreamOutput` keeps it behind a lock. Its calls block.
struct StreamWriter {
    /// Compressed bytes that are written at once.
    private static let stagedByteCountMax = Limits.writeByteCountMax
    /// More threads than this take more memory than their speed is worth: each holds some 10 MiB at low levels.
    private static let compressionThreadCountMax = 4
    /// At higher levels one thread holds hundreds of megabytes.
    private static let threadedLevelMax = 12
    /// Bytes of a file after which the kernel is told to write them back.
    private static let writebackByteCount: UInt64 = 32 << 20

    private let target: StreamTarget
    private let compressor: StreamCompressor?
    private let staging: DataBuffer
    private var stagedByteCount = 0
    /// Bytes written, compressed or not.
    private(set) var writtenByteCount: UInt64 = 0
    /// The kernel was told to write back what lies before this.
    private var writebackOffset: UInt64 = 0

    /// A writer to `target`, that compresses if there is a `compressor`.
    init(_ target: StreamTarget, compressor: StreamCompressor?) {
        self.target = target
        self.compressor = compressor
        staging = DataBuffer(byteCount: compressor == nil ? 0 : Self.stagedByteCountMax)
    }

    /// A compressor at `level`, for the output `path`.
    static func compressor(level: Int?, _ path: String) throws(StreamFileError) -> StreamCompressor? {
        guard let level else { return nil }
        let processorCount = sysconf(CInt(_SC_NPROCESSORS_ONLN))
        do throws(ZstdError) {
            let threadCount = level > threadedLevelMax ? 0 : min(processorCount, compressionThreadCountMax)
            return try StreamCompressor(level: level, workerCount: threadCount)
        } catch {
            throw StreamFileError(error, "write to", path)
        }
    }

    /// Takes all `pieces`. What is not compressed is written when this returns.
    mutating func write(_ pieces: StreamPieces) throws {
        guard let compressor else { return try writePlain(pieces) }
        for piece in pieces.pieces {
            switch piece {
            case .head(let range): try compress(pieces.heads.span.extracting(range), with: compressor)
            case .data(let buffer, let range):
                try buffer.withSpan { bytes throws in try compress(bytes.extracting(range), with: compressor) }
            }
        }
    }

    /// Writes what is left, and publishes the target.
    mutating func finish() throws {
        if let compressor {
            var isComplete = false
            while !isComplete {
                try makeRoom()
                let range = stagedByteCount..<staging.byteCount
                let end = try typed { () throws(ZstdError) in try compressor.finish(into: staging, range: range) }
                stagedByteCount += end.producedByteCount
                isComplete = end.isComplete
            }
            try writeStaged()
        }
        try target.publish()
    }

    private mutating func writePlain(_ pieces: StreamPieces) throws {
        try pieces.heads.withUnsafeBytes { heads in
            var vectors = pieces.pieces.map { piece in
                let bytes =
                    switch piece {
                    case .head(let range): UnsafeRawBufferPointer(rebasing: heads[range])
                    case .data(let buffer, let range): UnsafeRawBufferPointer(rebasing: buffer.unsafeBytes[range])
                    }
                return iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
            }
            try withExtendedLifetime(pieces) { try target.descriptor.write(&vectors, "write to") }
        }
        note(pieces.byteCount)
    }

    private mutating func compress(_ bytes: Span<UInt8>, with compressor: StreamCompressor) throws {
        var done = 0
        while done < bytes.count {
            try makeRoom()
            let range = stagedByteCount..<staging.byteCount
            let step = try typed { () throws(ZstdError) in
                try compressor.compress(bytes.extracting(done...), into: staging, range: range)
            }
            done += step.consumedByteCount
            stagedByteCount += step.producedByteCount
        }
    }

    private mutating func makeRoom() throws {
        if stagedByteCount == staging.byteCount { try writeStaged() }
    }

    private mutating func writeStaged() throws {
        guard stagedByteCount > 0 else { return }
        var vectors = [iovec(iov_base: staging.unsafeBytes.baseAddress, iov_len: stagedByteCount)]
        try withExtendedLifetime(staging) { try target.descriptor.write(&vectors, "write to") }
        note(stagedByteCount)
        stagedByteCount = 0
    }

    private mutating func note(_ byteCount: Int) {
        writtenByteCount += UInt64(byteCount)
        guard writtenByteCount - writebackOffset >= Self.writebackByteCount else { return }
        if target.descriptor.isSeekable {
            target.descriptor.startWriteback(from: writebackOffset, byteCount: writtenByteCount - writebackOffset)
        }
        writebackOffset = writtenByteCount
    }

    /// Says in errors of libzstd which file they are about.
    private func typed<Result>(_ body: () throws(ZstdError) -> Result) throws(StreamFileError) -> Result {
        do throws(ZstdError) {
            return try body()
        } catch {
            throw StreamFileError(error, "write to", target.descriptor.path)
        }
    }
}
