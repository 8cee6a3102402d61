public import FerryCore
import Glibc
import Synchronization
public import Threading

/// Where a stream is read from: a file, a pipe, a socket. Compressed streams (zstd) are inflated.
///
/// One `read` or `rewind` at a time. Each holds one of the threads given to `open`, for as long as a pipe is silent.
/// When a task is cancelled in a call, or soon after, the stream can only be closed: its position is lost.
public final class StreamInput: Sendable {
    /// The path, or "standard input".
    public let name: String
    /// Whether `rewind` works: the input is a file.
    public let isRewindable: Bool

    private let waiting: StreamWait
    private let threads: BlockingThreads
    private let reader: Mutex<StreamReader?>
    private let foundZstd = Atomic(false)

    /// Opens `path`; `-` is the standard input. Does not wait for who writes into a pipe; `read` does.
    public static func open(_ path: String, threads: BlockingThreads) async throws(StreamFileError) -> StreamInput {
        try await threads.run { () throws(StreamFileError) in
            let descriptor =
                path == "-"
                ? try StreamDescriptor.duplicate(STDIN_FILENO, path: "standard input", "open")
                : try StreamDescriptor.open(path, O_RDONLY, "open")
            return try StreamInput(descriptor, threads: threads)
        }
    }

    /// Reads from what is open already.
    init(_ descriptor: StreamDescriptor, threads: BlockingThreads) throws(StreamFileError) {
        if descriptor.kind == .folder { throw StreamFileError(errno: EISDIR, "open", descriptor.path) }
        if descriptor.isTerminal {
            throw StreamFileError(.isTerminal, "read from", descriptor.path, detail: "it is a terminal")
        }
        if descriptor.kind == .blockDevice {
            throw StreamFileError(.wrongKind, "read from", descriptor.path, detail: "it is a block device")
        }
        name = descriptor.path
        isRewindable = descriptor.isSeekable
        waiting = descriptor.waiting
        self.threads = threads
        reader = Mutex(try StreamReader(descriptor))
    }

    /// Whether the stream comes compressed; known after the first read.
    public var isCompressed: Bool { foundZstd.load(ordering: .relaxed) }

    /// Whether a read waits for who writes into a pipe, socket or the like.
    public var isWaiting: Bool { waiting.isWaiting }

    /// Starts again at the first byte. Throws `StreamFileError` when the input can't be rewound.
    public func rewind() async throws {
        try await use { reader in try reader.rewind() }
    }

    /// Fills `range` of `buffer` with the stream's plain bytes. Gives their number: less than the range only at the
    /// end of the stream, 0 when nothing is left.
    ///
    /// Throws `StreamFileError` when a read fails, or a compressed stream is damaged or cut short; `CancellationError`
    /// when cancelled.
    public func read(into buffer: DataBuffer, range: Range<Int>) async throws -> Int {
        try await use { [self] reader in
            let byteCount = try reader.read(into: buffer, range: range)
            foundZstd.store(reader.isCompressed, ordering: .relaxed)
            return byteCount
        }
    }

    /// Closes the input, and ends a read that still waits. Any number of times.
    public func close() async {
        waiting.wake()
        await threads.run { [self] in reader.withLock { $0 = nil } }
    }

    private func use<Result: Sendable>(
        _ body: @escaping @Sendable (inout StreamReader) throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try await withTaskCancellationHandler {
            try await threads.run { [self] in
                try reader.withLock { reader in
                    guard var open = reader else { throw StreamFileError(errno: EBADF, "read", name) }
                    defer { reader = open }
                    return try body(&open)
                }
            }
        } onCancel: {
            waiting.wake()
        }
    }
}
