import DiffStream
import FerryCore
import Foundation
import MemoryStore
import Testing

@testable import StreamFiles

@Suite("A merge of two streams", .timeLimit(.minutes(1)))
struct StreamMergeTests {
    private let folder: StreamFolder

    init() throws { folder = try StreamFolder() }

    private func merge(
        _ first: [UInt8], _ second: [UInt8], _ medium: Medium = .file, format: (any StreamFormat)? = nil,
        to output: StreamOutput
    ) async throws -> StreamMerge.Outcome {
        let (first, second) = (try await medium.open(first, folder), try await medium.open(second, folder))
        let result: Result<StreamMerge.Outcome, any Error>
        do {
            result = .success(
                try await StreamMerge.run(first, second, to: output, format: format, meter: StreamMeter()))
        } catch {
            result = .failure(error)
        }
        await first.close()
        await second.close()
        return try result.get()
    }

    /// Merges into the file "merged".
    private func merge(_ first: [UInt8], _ second: [UInt8], _ medium: Medium = .file) async throws {
        let output = try await StreamOutput.create(
            folder.path("merged"), replacesExisting: true, zstdLevel: nil, threads: threads)
        _ = try await merge(first, second, medium, to: output)
    }

    /// Merges through a pipe; gives the stream too.
    private func merged(
        _ first: [UInt8], _ second: [UInt8], _ medium: Medium = .file, format: (any StreamFormat)? = nil,
        zstdLevel: Int? = nil
    ) async throws -> (stream: [UInt8], outcome: StreamMerge.Outcome) {
        var outcome: StreamMerge.Outcome?
        let stream = try await written(zstdLevel: zstdLevel) { output in
            outcome = try await merge(first, second, medium, format: format, to: output)
        }
        return (stream, try #require(outcome))
    }

    @Test("has the effect of both, in any formats, and says what it wrote")
    func effect() async throws {
        let formats: [any StreamFormat] = [DiffV1Format(), DiffV2Format()]
        for seed in UInt64(0)..<16 {
            let source = MemoryStore()
            var history = RandomHistory(source, seed: seed, byteCountMax: seed < 14 ? 100_000 : 3_000_000)
            try await history.make(["a", "b", "c"])
            let (first, second) = (formats[Int(seed % 2)], formats[Int(seed / 2 % 2)])
            let wished = seed % 3 == 0 ? formats[Int(seed / 4 % 2)] : nil
            for base in [nil, "a"] {
                let target = MemoryStore()
                if let base {
                    try await importing(exported(StreamExport(snapshot: base, format: first), in: source), into: target)
                }
                let (stream, outcome) = try await merged(
                    exported(StreamExport(snapshot: "b", base: base, format: first), in: source),
                    exported(StreamExport(snapshot: "c", base: "b", format: second), in: source),
                    seed % 2 == 0 ? .file : .pipe, format: wished, zstdLevel: seed % 5 == 0 ? 1 : nil)
                #expect(outcome.formatName == (wished ?? first).name)
                let imported = try await importing(stream, into: target)
                #expect(imported.diffs == [outcome.diff], "seed \(seed), from \(base ?? "nothing")")
                #expect(imported.formatName == outcome.formatName)
                let isEqual = target.contents(of: "vm", at: "c") == source.contents(of: "vm", at: "c")
                #expect(isEqual, "seed \(seed), from \(base ?? "nothing")")
            }
        }
    }

    @Test("has zeros where the second grows what the first cut off, and its data beyond the first's end")
    func beyondEnd() async throws {
        let store = MemoryStore()
        store.addImage("vm", contents: sample(300))
        try await store.takeSnapshot("a")
        let first = diff(DiffHeader(fromSnapshot: "a", toSnapshot: "b", imageByteCount: 100), [(90, [1, 2], 2)])
        let second = diff(
            DiffHeader(fromSnapshot: "b", toSnapshot: "c", isProtected: true, imageByteCount: 250), [(240, [3, 4], 2)])
        let (stream, outcome) = try await merged(first, second)
        #expect(
            outcome.diff.header
                == DiffHeader(fromSnapshot: "a", toSnapshot: "c", isProtected: true, imageByteCount: 250))
        try await importing(stream, into: store)
        let expected =
            Array(sample(300).prefix(90)) + [1, 2] + sample(300)[92..<100] + [UInt8](repeating: 0, count: 140) + [3, 4]
            + [UInt8](repeating: 0, count: 8)
        let isEqual = store.contents(of: "vm", at: "c") == expected
        #expect(isEqual)
        #expect(store.isPinned("c", of: "vm"))
    }

    @Test("into a format without a word for protection says that it wrote none")
    func protectionLost() async throws {
        let first = diff(DiffHeader(toSnapshot: "b", imageByteCount: 10), [])
        let second = diff(
            DiffHeader(fromSnapshot: "b", toSnapshot: "c", isProtected: true, imageByteCount: 10), [(0, [1], 1)])
        let (stream, outcome) = try await merged(first, second, format: DiffV1Format())
        let input = try await Medium.file.open(stream, folder)
        let inspection = try await StreamInspection.run(input, workers: workers, meter: StreamMeter())
        await input.close()
        #expect(inspection.diffs == [outcome.diff])
    }

    private static let first: [UInt8] = diff(DiffHeader(toSnapshot: "b", imageByteCount: 300), [(10, sample(200), 200)])
    private static let second: [UInt8] = diff(
        DiffHeader(fromSnapshot: "b", toSnapshot: "c", imageByteCount: 200), [(20, sample(100), 100), (130, nil, 5)])
    private static let wholeHistory: [UInt8] = ImportScenario(.history).stream

    private static let unmergeable: [(first: [UInt8], second: [UInt8])] = [
        (second, first), (first, first), (wholeHistory, second), (first, wholeHistory), (first, []), ([], second),
        (first, Array("no stream at all".utf8)),
    ]

    @Test("of what can't be merged is refused, and leaves no file", arguments: 0..<7, Medium.allCases)
    func refused(number: Int, medium: Medium) async throws {
        let inputs = Self.unmergeable[number]
        let error = await failure { try await merge(inputs.first, inputs.second, medium) }
        #expect(error is StreamDamage || error is MergeError || error is StreamMergeError)
        #expect(!(try folder.names.contains { $0.contains("merged") }))
    }

    @Test("says which input is a history")
    func history() async throws {
        let error = await failure { try await merge(Self.first, Self.wholeHistory) } as? StreamMergeError
        #expect(error?.disposition == .usage)
        #expect(error?.cause.contains("whole history") == true)
    }

    @Test("reads both inputs to their ends: what is cut or goes on leaves no file")
    func damaged() async throws {
        for byteCount in 0..<Self.first.count {
            let error = await failure { try await merge(Array(Self.first.prefix(byteCount)), Self.second) }
            #expect(error is StreamDamage, "\(byteCount) bytes of the first")
        }
        for byteCount in 0..<Self.second.count {
            let error = await failure { try await merge(Self.first, Array(Self.second.prefix(byteCount))) }
            #expect(error is StreamDamage, "\(byteCount) bytes of the second")
        }
        for inputs in [(Self.first + [0], Self.second), (Self.first, Self.second + [0])] {
            let error = await failure { try await merge(inputs.0, inputs.1) }
            #expect((error as? StreamDamage)?.fault.code == .afterEnd)
        }
        #expect(!(try folder.names.contains { $0.contains("merged") }))
        try await merge(Self.first, Self.second)
        #expect(try folder.names.contains("merged"))
    }

    @Test("that is cancelled while an input is silent leaves no file")
    func cancelled() async throws {
        let (readEnd, writeEnd) = makePipe()
        defer { close(writeEnd) }
        writeAll(Self.second.dropLast(), to: writeEnd)
        let (first, second) = (try await Medium.file.open(Self.first, folder), try pipeInput(owning: readEnd))
        let running = Task { [folder] in
            let output = try await StreamOutput.create(
                folder.path("merged"), replacesExisting: false, zstdLevel: nil, threads: threads)
            return try await StreamMerge.run(first, second, to: output, meter: StreamMeter())
        }
        try await until { second.isWaiting }
        running.cancel()
        await #expect(throws: CancellationError.self) { _ = try await running.value }
        await first.close()
        await second.close()
        #expect(!(try folder.names.contains { $0.contains("merged") }))
    }
}
