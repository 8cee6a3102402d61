import FerryCore
import Foundation
import Testing

@testable import StreamFiles

@Suite("Stream inputs", .timeLimit(.minutes(1)))
struct StreamInputTests {
    private let folder: StreamFolder

    init() throws { folder = try StreamFolder() }

    @Test("a file is read as it is, in pieces of any size", arguments: [0, 1, 3, 4, 5, 3_000_000], [1000, 1 << 20])
    func plainFile(byteCount: Int, pieceByteCount: Int) async throws {
        let content = sample(byteCount)
        let input = try await StreamInput.open(folder.write(content, to: "stream"), threads: threads)
        #expect(input.isRewindable)
        #expect(try await readAll(input, pieceByteCount: pieceByteCount) == content)
        #expect(!input.isCompressed)
        await input.close()
    }

    @Test("ranges shorter than what zstd is known by get every byte once")
    func shortRanges() async throws {
        let content = sample(30)
        let input = try await StreamInput.open(folder.write(content, to: "stream"), threads: threads)
        let buffer = DataBuffer(byteCount: 2)
        var bytes: [UInt8] = []
        for byteCount in [1, 2, 1, 2] {
            #expect(try await input.read(into: buffer, range: 0..<byteCount) == byteCount)
            buffer.append(0..<byteCount, to: &bytes)
        }
        #expect(bytes == Array(content.prefix(6)))
        #expect(try await readAll(input) == Array(content.dropFirst(6)))
    }

    @Test("what the zstd command compressed is inflated", arguments: [["-1"], ["-19", "--no-check"], ["-3", "-T2"]])
    func compressedFile(options: [String]) async throws {
        let content = sample(3_000_000)
        let plain = try folder.write(content, to: "plain")
        #expect(try await folder.run("zstd", options + ["-q", "-c", plain], outputName: "stream") == 0)
        let input = try await StreamInput.open(folder.path("stream"), threads: threads)
        for pieceByteCount in [777, 1 << 20] {
            #expect(try await readAll(input, pieceByteCount: pieceByteCount) == content)
            #expect(input.isCompressed)
            try await input.rewind()
        }
    }

    @Test("files compressed one by one and put together are one stream")
    func severalFrames() async throws {
        let contents = [sample(100_000, seed: 1), sample(2_000_000, seed: 2), []]
        var stream: [UInt8] = []
        for content in contents {
            let plain = try folder.write(content, to: "plain")
            #expect(try await folder.run("zstd", ["-q", "-c", plain], outputName: "frame") == 0)
            stream += try folder.content(of: "frame")
        }
        let input = try await StreamInput.open(folder.write(stream, to: "stream"), threads: threads)
        #expect(try await readAll(input) == contents.flatMap { $0 })
    }

    @Test("a compressed stream that is cut short is an error that names the file")
    func cut() async throws {
        let plain = try folder.write(sample(1_000_000), to: "plain")
        #expect(try await folder.run("zstd", ["-q", "-c", plain], outputName: "whole") == 0)
        let whole = try folder.content(of: "whole")
        let path = try folder.write(Array(whole.dropLast(1)), to: "stream")
        let input = try await StreamInput.open(path, threads: threads)
        await #expect(throws: StreamFileError(.zstd(.cutShort), "read", path)) { _ = try await readAll(input) }
    }

    @Test("a compressed stream that is damaged is an error")
    func damaged() async throws {
        let plain = try folder.write(sample(1_000_000), to: "plain")
        #expect(try await folder.run("zstd", ["-q", "-c", plain], outputName: "whole") == 0)
        var stream = try folder.content(of: "whole")
        stream[stream.count / 2] ^= 1
        let path = try folder.write(stream, to: "stream")
        let input = try await StreamInput.open(path, threads: threads)
        await #expect(throws: StreamFileError(.zstd(.damaged), "read", path)) { _ = try await readAll(input) }
    }

    @Test("an input starts again where it started, also after a part was read")
    func rewind() async throws {
        let content = sample(100_000)
        let path = try folder.write(content, to: "stream")
        let file = try StreamDescriptor.open(path, O_RDONLY, "open")
        try file.seek(to: 1000, "seek")
        let input = try StreamInput(file, threads: threads)
        let buffer = DataBuffer(byteCount: 5000)
        _ = try await input.read(into: buffer, range: 0..<5000)
        try await input.rewind()
        #expect(try await readAll(input) == Array(content.dropFirst(1000)))
    }

    @Test("a pipe is read to its end, and can't be rewound", arguments: [1000, 5_000_000])
    func pipe(byteCount: Int) async throws {
        let content = sample(byteCount)
        let (readEnd, writeEnd) = makePipe()
        let input = try input(owning: readEnd)
        #expect(!input.isRewindable)
        async let written: Void = write(content, to: output(sharing: writeEnd), closing: writeEnd)
        #expect(try await readAll(input) == content)
        try await written
        await #expect(throws: StreamFileError(.failed, "rewind", "input")) { try await input.rewind() }
    }

    @Test("a named pipe is waited for until somebody writes, and read to its end")
    func namedPipe() async throws {
        let content = sample(3_000_000)
        let path = folder.makePipe("pipe")
        let input = try await StreamInput.open(path, threads: threads)
        async let bytes = readAll(input)
        try await until { input.isWaiting }
        let output = try await StreamOutput.create(path, replacesExisting: false, zstdLevel: 1, threads: threads)
        try await output.write(pieces(content))
        try await output.finish()
        #expect(try await bytes == content)
        #expect(input.isCompressed)
    }

    @Test("a socket is read to its end")
    func socket() async throws {
        let content = sample(3_000_000)
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (readEnd, writeEnd) = (ends[0], ends[1])
        let input = try input(owning: readEnd)
        async let written: Void = write(content, to: output(sharing: writeEnd), closing: writeEnd)
        #expect(try await readAll(input) == content)
        try await written
    }

    @Test("a read from a silent pipe says that it waits, and ends when cancelled")
    func cancellation() async throws {
        let (readEnd, writeEnd) = makePipe()
        defer { close(writeEnd) }
        let input = try input(owning: readEnd)
        #expect(!input.isWaiting)
        let reading = Task { try await readAll(input) }
        try await until { input.isWaiting }
        reading.cancel()
        await #expect(throws: CancellationError.self) { _ = try await reading.value }
        #expect(!input.isWaiting)
    }

    @Test("closing ends a read that waits, and lets the writer know")
    func closing() async throws {
        let (readEnd, writeEnd) = makePipe()
        defer { close(writeEnd) }
        let input = try input(owning: readEnd)
        let reading = Task { try await readAll(input) }
        try await until { input.isWaiting }
        await input.close()
        await input.close()
        await #expect(throws: CancellationError.self) { _ = try await reading.value }
        await #expect(throws: StreamFileError.self) { _ = try await readAll(input) }
        #expect(Foundation.write(writeEnd, "x", 1) == -1 && errno == EPIPE)
    }

    @Test("what can't be a stream is refused when it is opened, with what to do")
    func refusals() async throws {
        let cases: [(String, StreamFileError.Reason, Disposition)] = [
            (folder.path("missing"), .notFound, .usage), (folder.path, .wrongKind, .usage),
            ("/dev/ptmx", .isTerminal, .usage),
        ]
        for (path, reason, disposition) in cases {
            let error = await #expect(throws: StreamFileError.self) {
                _ = try await StreamInput.open(path, threads: threads)
            }
            #expect(error?.reason == reason, "\(path)")
            #expect(error?.disposition == disposition)
            #expect(error?.cause.contains(path) == true)
            #expect(error?.remedy.isEmpty == false)
        }
    }

    private func write(_ content: [UInt8], to output: StreamOutput, closing number: CInt) async throws {
        try await output.write(pieces(content))
        try await output.finish()
        close(number)
    }
}
