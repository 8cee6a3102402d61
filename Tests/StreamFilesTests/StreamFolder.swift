import FerryCore
import Foundation
import TestSupport
import Threading

@testable import StreamFiles

/// Threads for all tests of this target: enough for some that wait.
let threads = BlockingThreads(count: 16)

/// A folder for a test's files, removed with its last reference.
final class StreamFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/stream-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // As the program does: a reader that goes away is an error, not the end.
        signal(SIGPIPE, SIG_IGN)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The names in it, hidden ones too.
    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes a file; gives its path.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
        return path(name)
    }

    func content(of name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    func makePipe(_ name: String) -> String {
        precondition(mkfifo(path(name), 0o600) == 0, "a pipe can be made")
        return path(name)
    }

    /// Runs a program to its end. Gives its exit status; its output is in the file `outputName`.
    func run(_ program: String, _ arguments: [String], outputName: String) async throws -> Int32 {
        let ended = AsyncStream<Int32>.makeStream()
        let child = try ChildProcess(
            program, arguments, outputFile: path(outputName), errorFile: path("errors")
        ) { status in
            ended.continuation.yield(status)
            ended.continuation.finish()
        }
        for await status in ended.stream { return status }
        return child.processID
    }
}

/// The two ends of a pipe.
func makePipe() -> (readEnd: CInt, writeEnd: CInt) {
    var ends: [CInt] = [-1, -1]
    precondition(pipe(&ends) == 0, "a pipe can be made")
    return (ends[0], ends[1])
}

/// An input from what is open as `number`.
func input(owning number: CInt) throws -> StreamInput {
    try StreamInput(StreamDescriptor(owning: number, path: "input", "open"), threads: threads)
}

/// An output to what is open as `number`, which stays open.
func output(sharing number: CInt, zstdLevel: Int? = nil) throws -> StreamOutput {
    let target = try StreamTarget.standardOutput(number)
    let compressor = try StreamWriter.compressor(level: zstdLevel, "output")
    return StreamOutput(StreamWriter(target, compressor: compressor), target.descriptor, "output", threads)
}

/// All that is left of the stream, read in pieces of `pieceByteCount`.
func readAll(_ input: StreamInput, pieceByteCount: Int = 1 << 20) async throws -> [UInt8] {
    let buffer = DataBuffer(byteCount: pieceByteCount + 10)
    var bytes: [UInt8] = []
    while true {
        let byteCount = try await input.read(into: buffer, range: 10..<buffer.byteCount)
        buffer.append(10..<(10 + byteCount), to: &bytes)
        if byteCount < pieceByteCount { return bytes }
    }
}

/// `bytes` as pieces: a head of some bytes before each `dataByteCount` of data.
func pieces(_ bytes: [UInt8], headByteCount: Int = 17, dataByteCount: Int = 5000) -> StreamPieces {
    var pieces = StreamPieces()
    let buffer = DataBuffer(bytes)
    var rest = 0..<bytes.count
    while !rest.isEmpty {
        let head = rest.prefix(headByteCount)
        pieces.appendHead { $0 += bytes[head] }
        let data = rest.dropFirst(head.count).prefix(dataByteCount)
        pieces.append(data, of: buffer)
        rest = data.upperBound..<rest.upperBound
    }
    return pieces
}

/// Bytes of which half compress.
func sample(_ byteCount: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return generator.bytes(byteCount / 2) + [UInt8](repeating: 7, count: byteCount - byteCount / 2)
}

/// Returns when `condition` holds.
func until(_ condition: () -> Bool) async throws {
    while !condition() {
        try Task.checkCancellation()
        // Not a yield: many tests that wait would take the processor from the others.
        try await Task.sleep(for: .milliseconds(1))
    }
}
