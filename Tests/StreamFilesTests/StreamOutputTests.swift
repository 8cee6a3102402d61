import FerryCore
import Foundation
import Testing

@testable import StreamFiles

@Suite("Stream outputs", .timeLimit(.minutes(1)))
struct StreamOutputTests {
    private let folder: StreamFolder

    init() throws { folder = try StreamFolder() }

    @Test("a file holds what was written, and only its owner may read it", arguments: [0, 1, 100_000, 9_000_000])
    func plainFile(byteCount: Int) async throws {
        let content = sample(byteCount)
        let output = try await create("stream")
        try await output.write(pieces(content))
        try await output.write(StreamPieces())
        try await output.finish()
        #expect(try folder.content(of: "stream") == content)
        #expect(try folder.names == ["stream"])
        #expect(output.byteCount == UInt64(byteCount))
        #expect(output.writtenByteCount == UInt64(byteCount))
        var status = stat()
        #expect(stat(folder.path("stream"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test("what is compressed is read by the zstd command", arguments: [0, 1000, 9_000_000], [1, 3])
    func compressedFile(byteCount: Int, level: Int) async throws {
        let content = sample(byteCount)
        let output = try await create("stream.zst", zstdLevel: level)
        try await output.write(pieces(content, dataByteCount: 1_000_000))
        try await output.finish()
        #expect(try await folder.run("zstd", ["-q", "-d", "-c", output.name], outputName: "plain") == 0)
        #expect(try folder.content(of: "plain") == content)
        #expect(output.byteCount == UInt64(byteCount))
        #expect(output.writtenByteCount == UInt64(try folder.content(of: "stream.zst").count))
    }

    @Test("a level that zstd does not know is refused before there is a file")
    func badLevel() async throws {
        let path = folder.path("stream")
        await #expect(throws: StreamFileError(.zstd(.badSetting), "write to", path)) {
            _ = try await create("stream", zstdLevel: 99)
        }
        #expect(try folder.names.isEmpty)
    }

    @Test("a file that exists is not replaced, and that is said before any work")
    func existing() async throws {
        let path = try folder.write([1, 2, 3], to: "stream")
        let error = await #expect(throws: StreamFileError(.alreadyExists, "create", path)) {
            _ = try await create("stream")
        }
        #expect(error?.disposition == .usage)
        #expect(try folder.content(of: "stream") == [1, 2, 3])
        #expect(try folder.names == ["stream"])
    }

    @Test("a file that appears during the work is not replaced")
    func appearing() async throws {
        let output = try await create("stream")
        try await output.write(pieces(sample(1000)))
        let path = try folder.write([1, 2, 3], to: "stream")
        await #expect(throws: StreamFileError(.alreadyExists, "create", path)) { try await output.finish() }
        #expect(try folder.content(of: "stream") == [1, 2, 3])
        #expect(try folder.names == ["stream"])
    }

    @Test("a file is replaced when that is wished, at the very end")
    func replacing() async throws {
        _ = try folder.write([1, 2, 3], to: "stream")
        let output = try await create("stream", replacesExisting: true)
        try await output.write(pieces(sample(1000)))
        #expect(try folder.content(of: "stream") == [1, 2, 3])
        try await output.finish()
        #expect(try folder.content(of: "stream") == sample(1000))
        #expect(try folder.names == ["stream"])
    }

    @Test("a symbolic link stays one: the file that it names is replaced")
    func symbolicLink() async throws {
        let path = try folder.write([1, 2, 3], to: "file")
        #expect(symlink(path, folder.path("link")) == 0)
        await #expect(throws: StreamFileError.self) { _ = try await create("link") }
        let output = try await create("link", replacesExisting: true)
        try await output.write(pieces(sample(1000)))
        try await output.finish()
        #expect(try folder.content(of: "file") == sample(1000))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("link")) == path)
    }

    @Test("a link that leads nowhere is not written through")
    func danglingLink() async throws {
        #expect(symlink(folder.path("nowhere"), folder.path("link")) == 0)
        let error = await #expect(throws: StreamFileError.self) { _ = try await create("link") }
        #expect(error?.reason == .alreadyExists)
    }

    @Test("the name is not there until the end, and an output that is abandoned leaves nothing")
    func abandoned() async throws {
        let output = try await create("stream", zstdLevel: 1)
        try await output.write(pieces(sample(3_000_000)))
        let names = try folder.names
        #expect(names.count == 1 && names[0].hasPrefix(".stream.") && names[0].hasSuffix(".partial"))
        await output.abandon()
        await output.abandon()
        #expect(try folder.names.isEmpty)
        await #expect(throws: StreamFileError.self) { try await output.finish() }
        #expect(try folder.names.isEmpty)
    }

    @Test("abandoning after the end leaves the file alone")
    func abandonedLate() async throws {
        let output = try await create("stream")
        try await output.finish()
        await output.abandon()
        #expect(try folder.names == ["stream"])
    }

    @Test("an output in a cancelled task leaves nothing")
    func cancelledFile() async throws {
        let output = try await create("stream")
        let writing = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            do {
                try await output.finish()
            } catch {
                await output.abandon()
                throw error
            }
        }
        await #expect(throws: CancellationError.self) { try await writing.value }
        #expect(try folder.names.isEmpty)
    }

    @Test("a long name gets a temporary one that fits")
    func longName() async throws {
        let name = String(repeating: "ä", count: 127)
        let output = try await create(name)
        try await output.finish()
        #expect(try folder.names.count == 1)
    }

    @Test("a folder that is missing, a folder, a terminal: refused, with what to do")
    func refusals() async throws {
        for (path, reason) in [
            (folder.path("missing/stream"), StreamFileError.Reason.notFound), (folder.path, .wrongKind),
            ("/dev/ptmx", .isTerminal),
        ] {
            let error = await #expect(throws: StreamFileError.self) {
                _ = try await StreamOutput.create(path, replacesExisting: true, zstdLevel: nil, threads: threads)
            }
            #expect(error?.reason == reason, "\(path)")
            #expect(error?.path == path)
            #expect(error?.disposition == .usage)
        }
    }

    @Test("a full disk is an error that may pass")
    func diskFull() async throws {
        let output = try await StreamOutput.create(
            "/dev/full", replacesExisting: false, zstdLevel: nil, threads: threads)
        let error = await #expect(throws: StreamFileError(.noSpace, "write to", "/dev/full")) {
            try await output.write(pieces(sample(1000)))
        }
        #expect(error?.disposition == .temporary)
    }

    @Test("a device is written in place")
    func device() async throws {
        let output = try await StreamOutput.create(
            "/dev/null", replacesExisting: false, zstdLevel: 3, threads: threads)
        try await output.write(pieces(sample(3_000_000)))
        try await output.finish()
        #expect(output.writtenByteCount > 0)
        #expect(FileManager.default.fileExists(atPath: "/dev/null"))
    }

    @Test("a write to a full pipe says that it waits, and ends when cancelled", arguments: [nil, 1])
    func cancelledPipe(zstdLevel: Int?) async throws {
        let (readEnd, writeEnd) = makePipe()
        defer { for end in [readEnd, writeEnd] { close(end) } }
        let output = try output(sharing: writeEnd, zstdLevel: zstdLevel)
        let writing = Task {
            while true { try await output.write(pieces(sample(4_000_000))) }
        }
        try await until { output.isWaiting }
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await writing.value }
        // Others who share the pipe do not find it changed.
        #expect(fcntl(writeEnd, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test("a reader that goes away is an error, and not the end of the process", arguments: [true, false])
    func readerGone(isSocket: Bool) async throws {
        var ends: [CInt] = [-1, -1]
        let result = isSocket ? socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) : pipe(&ends)
        #expect(result == 0)
        let (readEnd, writeEnd) = (ends[0], ends[1])
        defer { close(writeEnd) }
        let output = try output(sharing: writeEnd)
        try await output.write(pieces([1, 2, 3]))
        close(readEnd)
        // Not at once if another test starts a program now, which has the end too until it runs.
        let error = await #expect(throws: StreamFileError.self) {
            while true { try await output.write(pieces(sample(1000))) }
        }
        #expect(error?.reason == .readerGone)
    }

    @Test("the reader of a named pipe is waited for, and waiting can be cancelled")
    func namedPipe() async throws {
        let path = folder.makePipe("pipe")
        let creating = Task {
            try await StreamOutput.create(path, replacesExisting: false, zstdLevel: nil, threads: threads)
        }
        creating.cancel()
        await #expect(throws: CancellationError.self) { _ = try await creating.value }
    }

    @Test("pieces join heads that follow each other, and count their bytes")
    func joining() throws {
        var pieces = StreamPieces()
        let buffer = DataBuffer(byteCount: 100)
        pieces.appendHead { $0 += [1, 2] }
        pieces.appendHead { _ in }
        pieces.appendHead { $0.append(3) }
        pieces.append(10..<20, of: buffer)
        pieces.append(5..<5, of: buffer)
        #expect(pieces.byteCount == 13)
        #expect(pieces.pieces.count == 2)
        #expect(pieces.heads == [1, 2, 3])
    }

    private func create(
        _ name: String, replacesExisting: Bool = false, zstdLevel: Int? = nil
    ) async throws -> StreamOutput {
        try await StreamOutput.create(
            folder.path(name), replacesExisting: replacesExisting, zstdLevel: zstdLevel, threads: threads)
    }
}
