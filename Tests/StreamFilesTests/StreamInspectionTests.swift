import DiffStream
import FerryCore
import Foundation
import MemoryStore
import TestSupport
import Testing

@testable import StreamFiles

@Suite("An inspection of a stream", .timeLimit(.minutes(1)))
struct StreamInspectionTests {
    private let folder: StreamFolder

    init() throws { folder = try StreamFolder() }

    private func inspect(
        _ stream: [UInt8], _ medium: Medium = .file, meter: StreamMeter = StreamMeter()
    ) async throws -> StreamInspection {
        let input = try await medium.open(stream, folder)
        let inspection = try await StreamInspection.run(input, workers: workers, meter: meter)
        await input.close()
        return inspection
    }

    private func hex(_ bytes: [UInt8]?) -> String {
        (bytes ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func source() async throws -> MemoryStore {
        let store = MemoryStore()
        store.addImage("vm", contents: sample(200))
        try await store.takeSnapshot("a", isProtected: true)
        store.overwrite("vm", at: 50, with: [1, 2, 3])
        store.resizeHead(of: "vm", to: 250)
        try await store.setMetadata(["owner": "me"])
        return store
    }

    private static let settings: [StreamExport] = [
        StreamExport(snapshot: "a", format: DiffV1Format()),
        StreamExport(snapshot: nil, base: "a", format: DiffV2Format()),
        StreamExport(snapshot: nil, format: ImageV2Format()),
    ]

    @Test(
        "of a whole one tells all that it says, and its SHA-256",
        arguments: [
            (.full, "v1", "d6152ee072a1b8dd4caf62d59e5a8c1f6715b8f2e63afea931a8ec2eee425ebe"),
            (.increment, "v2", "30201ffff21d92f590e039186b6de913a6e5e15b3b354e4e20019751b29451d5"),
            (.history, "image-v2", "2c48b1f9d32d30a38266528082c1280a8e724def3de6369c2ac3aa7fb85ab537"),
        ] as [(ImportScenario.Kind, String, String)], [nil, 3])
    func whole(row: (kind: ImportScenario.Kind, format: String, digest: String), zstdLevel: Int?) async throws {
        let scenario = ImportScenario(row.kind)
        let stream = try await written(zstdLevel: zstdLevel) { output in
            try await output.write(pieces(scenario.stream))
            try await output.finish()
        }
        for medium in Medium.allCases {
            let found = try await inspect(stream, medium)
            #expect(found.fault == nil)
            #expect(found.format?.name == row.format)
            #expect(found.isCompressed == (zstdLevel != nil))
            #expect(found.byteCount == UInt64(scenario.stream.count))
            #expect(hex(found.digest) == row.digest)
            #expect(found.image?.metadata.map(\.key) == (row.kind == .history ? ["owner", "new"] : nil))
            // What an import of it says.
            let target = MemoryStore()
            try await scenario.prepare(target)
            #expect(try await importing(stream, into: target).diffs == found.diffs)
        }
    }

    @Test("of a large one has its SHA-256 too")
    func large() async throws {
        let bytes = sample(3_500_000)
        let stream = diff(DiffHeader(imageByteCount: 3_500_000), [(0, bytes, 3_500_000)])
        let meter = StreamMeter()
        let found = try await inspect(stream, .pipe, meter: meter)
        #expect(hex(found.digest) == "7fa551e04d90ee44d2d832795795c17458be5119b5ed9b95847a39d11b9dd457")
        #expect(meter.counts.phase == .checking && meter.counts.imageByteCount == 3_500_000)
    }

    @Test("of one that is cut, at any byte, finds that", arguments: settings.indices, [nil, 3])
    func cut(kind: Int, zstdLevel: Int?) async throws {
        let stream = try await exported(Self.settings[kind], in: source(), zstdLevel: zstdLevel)
        for byteCount in 0..<stream.count {
            let found = try await inspect(Array(stream.prefix(byteCount)))
            #expect(found.fault?.disposition == .permanent, "\(byteCount) bytes")
            #expect(found.digest == nil, "\(byteCount) bytes")
        }
    }

    @Test("of one that is damaged at any byte finds a fault, or another digest", arguments: settings.indices)
    func damaged(kind: Int) async throws {
        let stream = try await exported(Self.settings[kind], in: source())
        let digest = try await inspect(stream).digest
        var generator = SeededGenerator(seed: 1)
        var faultCount = 0
        for position in stream.indices {
            var damaged = stream
            damaged[position] ^= UInt8.random(in: 1...255, using: &generator)
            let found = try await inspect(damaged)
            if found.fault == nil {
                #expect(found.digest != digest && found.digest?.count == 32, "byte \(position)")
                #expect(found.byteCount == UInt64(stream.count))
            } else {
                #expect(found.digest == nil, "byte \(position)")
                faultCount += 1
            }
        }
        #expect(faultCount > 30)
    }

    @Test("of a compressed one that is damaged at any byte finds a fault", arguments: settings.indices)
    func damagedZstd(kind: Int) async throws {
        let stream = try await exported(Self.settings[kind], in: source(), zstdLevel: 1)
        var generator = SeededGenerator(seed: 2)
        for position in stream.indices {
            var damaged = stream
            damaged[position] ^= UInt8.random(in: 1...255, using: &generator)
            let found = try await inspect(damaged)
            #expect(found.fault?.disposition == .permanent, "byte \(position)")
            #expect(found.digest == nil, "byte \(position)")
        }
    }

    @Test("of a history that is damaged in a later diff tells of those before it")
    func partOfHistory() async throws {
        let stream = try await exported(Self.settings[2], in: source())
        let found = try await inspect(stream.dropLast())
        #expect((found.fault as? DiffError)?.diffNumber == 2)
        #expect(found.diffs.map(\.header.toSnapshot) == ["a", nil])
        #expect(found.image?.metadata.count == 1)
    }

    @Test("of what is no stream says so", arguments: [[], Array("rbd diff v3\n".utf8), [0], sample(3_000_000)])
    func noStream(bytes: [UInt8]) async throws {
        let found = try await inspect(bytes)
        #expect(found.format == nil && found.diffs.isEmpty && found.image == nil)
        #expect((found.fault as? DiffError)?.code == (bytes.isEmpty ? .empty : .badBanner))
    }

    @Test("of what can't be read is an error, not a finding")
    func unreadable() async throws {
        let input = try await Medium.file.open([1, 2, 3], folder)
        await input.close()
        let error = await failure {
            _ = try await StreamInspection.run(input, workers: workers, meter: StreamMeter())
        }
        #expect((error as? StreamFileError)?.operation == "read")
    }

    @Test("ends when it is cancelled")
    func cancelled() async throws {
        let (readEnd, writeEnd) = makePipe()
        defer { close(writeEnd) }
        let input = try pipeInput(owning: readEnd)
        let running = Task { try await StreamInspection.run(input, workers: workers, meter: StreamMeter()) }
        try await until { input.isWaiting }
        running.cancel()
        await #expect(throws: CancellationError.self) { _ = try await running.value }
        await input.close()
    }
}
