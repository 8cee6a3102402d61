import Compression
import FerryCore
import Glibc
import Synchronization
public import Threading

/// Where a stream is written to: a file, a device, a pipe, a socket; compressed (zstd) if wished.
///
/// A file is written beside its name and gets it in `finish`; until then the name is as it was. One `write` or
/// `finish` at a time. Each holds one of the threads given to `create`, for as long as nobody reads from a pipe. An
/// output that failed, or whose task was cancelled in a call, is abandoned.
///
/// The program must ignore SIGPIPE; a reader that goes away is an error then.
public final class StreamOutput: Sendable {
    /// The path, or "standard output".
    public let name: String

    private let waiting: StreamWait
    private let threads: BlockingThreads
    private let writer: Mutex<StreamWriter?>
    private let takenByteCount = Atomic<UInt64>(0)
    private let countOfWritten = Atomic<UInt64>(0)

    /// How often a pipe is looked at that nobody reads from yet.
    private static let readerCheckInterval = Duration.milliseconds(50)

    /// The levels that `zstdLevel` may have.
    public static var zstdLevelRange: ClosedRange<Int> { StreamCompressor.levelRange }

    /// Opens `path` for writing; `-` is the standard output. Waits for the reader of a named pipe.
    ///
    /// A file that exists is replaced only when `replacesExisting`. Throws `StreamFileError`;
    /// `CancellationError` when cancelled while waiting.
    public static func create(
        _ path: String, replacesExisting: Bool, zstdLevel: Int?, threads: BlockingThreads
    ) async throws -> StreamOutput {
        while true {
            let output = try await threads.run { () throws(StreamFileError) -> StreamOutput? in
                // First, so that a level that does not exist leaves no file.
                let compressor = try StreamWriter.compressor(level: zstdLevel, path)
                let target =
                    path == "-"
                    ? try StreamTarget.standardOutput()
                    : try StreamTarget.open(path, replacesExisting: replacesExisting)
                guard let target else { return nil }
                let name = path == "-" ? target.descriptor.path : path
                return StreamOutput(StreamWriter(target, compressor: compressor), target.descriptor, name, threads)
            }
            if let output { return output }
            try await Task.sleep(for: readerCheckInterval)
        }
    }

    init(
        _ writer: sending StreamWriter, _ descriptor: StreamDescriptor, _ name: String, _ threads: BlockingThreads
    ) {
        self.name = name
        waiting = descriptor.waiting
        self.threads = threads
        self.writer = Mutex(writer)
    }

    /// Plain bytes taken so far.
    public var byteCount: UInt64 { takenByteCount.load(ordering: .relaxed) }

    /// Bytes written so far, after zstd.
    public var writtenByteCount: UInt64 { countOfWritten.load(ordering: .relaxed) }

    /// Whether a write waits for who reads from a pipe, socket or the like.
    public var isWaiting: Bool { waiting.isWaiting }

    /// Writes `pieces` in order, uncopied unless they are compressed.
    ///
    /// Throws `StreamFileError` when a write fails; `CancellationError` when cancelled.
    public func write(_ pieces: StreamPieces) async throws {
        try await use { [self] writer in
            try writer.write(pieces)
            takenByteCount.add(UInt64(pieces.byteCount), ordering: .relaxed)
        }
    }

    /// Writes what is left. A file is durable and has its name when this returns; of a pipe, all was handed over.
    public func finish() async throws {
        try await use { writer in try writer.finish() }
        await abandon()
    }

    /// Closes the output, and ends a write that still waits. A file that is not finished is removed. Any number of
    /// times; does nothing after `finish`.
    public func abandon() async {
        waiting.wake()
        await threads.run { [self] in writer.withLock { $0 = nil } }
    }

    private func use(_ body: @escaping @Sendable (inout StreamWriter) throws -> Void) async throws {
        try Task.checkCancellation()
        try await withTaskCancellationHandler {
            try await threads.run { [self] in
                try writer.withLock { writer in
                    guard var open = writer else { throw StreamFileError(errno: EBADF, "write to", name) }
                    // If it fails, it stays away: its last reference goes with `open`.
                    writer = nil
                    try body(&open)
                    countOfWritten.store(open.writtenByteCount, ordering: .relaxed)
                    writer = open
                }
            }
        } onCancel: {
            waiting.wake()
        }
    }
}
