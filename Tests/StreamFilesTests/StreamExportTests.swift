import DiffStream
import FerryCore
import Foundation
import ImageStore
import MemoryStore
import Testing

@testable import StreamFiles

@Suite("An export", .timeLimit(.minutes(1)))
struct StreamExportTests {
    private let folder: StreamFolder

    init() throws { folder = try StreamFolder() }

    /// Snapshots "a", "b" (protected) and "c", and a head that differs from all.
    private func source() async throws -> MemoryStore {
        let store = MemoryStore(batchExtentCountMax: 3)
        store.addImage("vm", contents: sample(60_000))
        try await store.takeSnapshot("a")
        store.overwrite("vm", at: 5000, with: [1, 2, 3])
        try await store.takeSnapshot("b", isProtected: true)
        store.overwrite("vm", at: 30_000, with: [4, 5, 6])
        try await store.takeSnapshot("c")
        store.overwrite("vm", at: 50_000, with: [7, 8, 9])
        return store
    }

    private func toFile(_ settings: StreamExport, _ store: MemoryStore) async throws -> StreamExport.Outcome {
        let output = try await StreamOutput.create(
            folder.path("stream"), replacesExisting: false, zstdLevel: nil, threads: threads)
        return try await export(settings, in: store, to: output)
    }

    /// What an export wrote into a pipe before it threw.
    private func throughPipe(_ settings: StreamExport, _ store: MemoryStore) async throws -> ([UInt8], (any Error)?) {
        let (readEnd, writeEnd) = makePipe()
        let output = try output(sharing: writeEnd)
        close(writeEnd)
        let input = try pipeInput(owning: readEnd)
        async let written = readAll(input)
        let error = await failure { try await export(settings, in: store, to: output) }
        let bytes = try await written
        await input.close()
        return (bytes, error)
    }

    private static let kinds: [StreamExport] = [
        StreamExport(snapshot: "c", base: "b", format: DiffV1Format()),
        StreamExport(snapshot: nil, base: "a", format: DiffV2Format()),
        StreamExport(snapshot: nil, format: ImageV2Format()),
    ]

    @Test("that fails at any operation of the store leaves no file, no pin, no snapshot", arguments: kinds.indices)
    func everyOperationFails(kind: Int) async throws {
        let settings = Self.kinds[kind]
        let clean = FaultPlan()
        try await run(settings, under: clean) { error, _ in #expect(error == nil) }
        for number in 0..<clean.operationCount {
            let plan = FaultPlan { $0 == number }
            try await run(settings, under: plan) { error, store in
                let operation = try #require(plan.failed.first)
                switch operation {
                case .unpin, .removeSnapshot:
                    // The stream is whole; what was held could not be let go of, and that is said.
                    #expect(error == nil, "\(operation)")
                    #expect(try folder.names == ["stream"])
                    try FileManager.default.removeItem(atPath: folder.path("stream"))
                default:
                    #expect(error != nil, "\(operation)")
                    #expect(try folder.names.isEmpty, "\(operation)")
                    try await expectReleased(store, "\(operation)")
                }
                #expect(store.openDeltaCount == 0, "\(operation)")
            }
        }
        #expect(clean.operationCount > 6)
    }

    @Test("that can't let go of a snapshot is whole, and says what stayed")
    func leftBehind() async throws {
        let store = try await source()
        store.setFaults { operation, _ async throws(StoreError) in
            if operation == .removeSnapshot { throw StoreError(.unavailable, "remove snapshot", "vm") }
        }
        let outcome = try await toFile(StreamExport(snapshot: nil, format: DiffV1Format()), store)
        store.setFaults(nil)
        let left = try #require(outcome.leftBehind)
        #expect(left.snapshots.count == 1 && left.snapshots[0].hasPrefix(HeldSource.temporaryPrefix))
    }

    @Test("of a head that holds part of a sync or of an import is refused", arguments: ["checkpoint", "import"])
    func unfinishedHead(key: String) async throws {
        let store = try await source()
        try await store.setMetadata(["rbd-ferry.\(key)": "x"])
        let error = await failure { _ = try await toFile(StreamExport(snapshot: nil, format: DiffV1Format()), store) }
        guard case .unfinishedHead = error as? ExportError else { throw try #require(error) }
        _ = try await toFile(StreamExport(snapshot: "a", format: DiffV1Format()), store)
    }

    private func run(
        _ settings: StreamExport, under plan: FaultPlan, _ check: ((any Error)?, MemoryStore) async throws -> Void
    ) async throws {
        let store = try await source()
        store.setFaults(plan.step)
        let error = await failure { _ = try await toFile(settings, store) }
        store.setFaults(nil)
        try await check(error, store)
        #expect(store.openHandleCount(of: "vm") == 0)
        try? FileManager.default.removeItem(atPath: folder.path("stream"))
    }

    private func expectReleased(_ store: MemoryStore, _ comment: Comment? = nil) async throws {
        let snapshots = try await store.state()?.snapshots ?? []
        #expect(snapshots.map(\.name) == ["a", "b", "c"], comment)
        // The user's own protection stays, and no other does.
        #expect(snapshots.map(\.isProtected) == [false, true, false], comment)
    }

    @Test("holds its snapshots while it reads, and lets go of them in the end", arguments: kinds.indices)
    func holds(kind: Int) async throws {
        let store = try await source()
        let settings = Self.kinds[kind]
        let once = Once()
        store.setFaults { operation, _ throws(StoreError) in
            guard operation == .read else { return }
            await once.run {
                let base = settings.format.isHistory ? "a" : settings.base
                #expect(base.map { store.isPinned($0, of: "vm") } == true)
            }
        }
        _ = try await toFile(settings, store)
        try await expectReleased(store)
    }

    @Test("of a head reads one moment of it, whatever is written meanwhile")
    func headMoves() async throws {
        let store = try await source()
        let before = store.contents(of: "vm")
        store.setFaults { operation, _ in
            if operation == .read { store.overwrite("vm", at: 0, with: [UInt8](repeating: 99, count: 60_000)) }
        }
        let stream = try await exported(StreamExport(snapshot: nil, format: DiffV2Format()), in: store)
        let target = MemoryStore()
        try await importing(stream, into: target)
        let state = try await target.state()
        let isEqual = state?.head == before
        #expect(isEqual)
        #expect(state?.snapshots.isEmpty == true)
    }

    @Test(
        "of a snapshot that is deleted under it has no end, and no file",
        arguments: [("a", "b", "a"), ("a", "b", "b"), ("a", nil, "a"), (nil, "b", "b")]
            as [(base: String?, target: String?, deleted: String)])
    func deleted(row: (base: String?, target: String?, deleted: String)) async throws {
        for format in [DiffV1Format(), DiffV2Format()] as [any StreamFormat] {
            let settings = StreamExport(snapshot: row.target, base: row.base, format: format)
            let store = try await source()
            store.setFaults { operation, _ in
                // Whoever may delete it may also unprotect it.
                if operation == .read { store.deleteSnapshot(row.deleted, of: "vm") }
            }
            let (bytes, error) = try await throughPipe(settings, store)
            try expectGone(error, row.deleted)
            #expect(!bytes.isEmpty)
            let input = try await Medium.file.open(bytes, folder)
            let found = try await StreamInspection.run(input, workers: workers, meter: StreamMeter())
            #expect((found.fault as? DiffError)?.code == .endMissing)
            await input.close()
            let again = try await source()
            again.setFaults { operation, _ in
                if operation == .read { again.deleteSnapshot(row.deleted, of: "vm") }
            }
            try expectGone(await failure { _ = try await toFile(settings, again) }, row.deleted)
            #expect(!(try folder.names.contains("stream")))
            #expect(again.openDeltaCount == 0 && again.openHandleCount(of: "vm") == 0)
        }
    }

    private func expectGone(_ error: (any Error)?, _ name: String) throws {
        guard case .snapshotGone(let gone, "vm") = error as? ExportError else {

            Issue.record("not snapshotGone: \(String(describing: error))")
            return

        }
        #expect(gone.name == name)
    }

    @Test("of a whole history notices that a snapshot in the middle is deleted")
    func deletedInHistory() async throws {
        let store = try await source()
        store.setFaults { operation, _ in
            if operation == .read { store.deleteSnapshot("b", of: "vm") }
        }
        let error = await failure {
            _ = try await toFile(StreamExport(snapshot: nil, format: ImageV2Format()), store)
        }
        #expect(error != nil)
        #expect(try folder.names.isEmpty)
        #expect(try await store.state()?.snapshots.map(\.name) == ["a", "c"])
    }

    @Test("that is cancelled leaves no file, no pin, no snapshot", arguments: kinds.indices)
    func cancelled(kind: Int) async throws {
        let store = try await source()
        let gate = Gate()
        store.setFaults { operation, _ in
            if operation == .read { await gate.wait() }
        }
        let running = Task { [folder] in
            let output = try await StreamOutput.create(
                folder.path("stream"), replacesExisting: false, zstdLevel: nil, threads: threads)
            return try await export(Self.kinds[kind], in: store, to: output)
        }
        try await until { gate.waiterCount > 0 }
        running.cancel()
        await #expect(throws: CancellationError.self) { _ = try await running.value }
        store.setFaults(nil)
        #expect(try folder.names.isEmpty)
        try await expectReleased(store)
        #expect(store.openDeltaCount == 0 && store.openHandleCount(of: "vm") == 0)
    }

    @Test("of an image whose snapshots can't be pinned goes on, and says so", arguments: kinds.indices)
    func unpinnable(kind: Int) async throws {
        for reason in [StoreError.Reason.unsupported, .notPermitted] {
            let store = try await source()
            store.setFaults { operation, name throws(StoreError) in
                if operation == .pin { throw StoreError(reason, "pin", name) }
            }
            let outcome = try await toFile(Self.kinds[kind], store)
            #expect(outcome.pinFailure?.reason == reason)
            try await expectReleased(store)
            try FileManager.default.removeItem(atPath: folder.path("stream"))
        }
    }

    @Test("that can't be is refused before anything is done, with what to do")
    func refused() async throws {
        let store = try await source()
        for (settings, remedy) in [
            (StreamExport(snapshot: "x", format: DiffV1Format()), "it has: a, b, c"),
            (StreamExport(snapshot: "c", base: "x", format: DiffV1Format()), "it has: a, b, c"),
            (StreamExport(snapshot: "x", format: ImageV2Format()), "it has: a, b, c"),
            (StreamExport(snapshot: "a", base: "b", format: DiffV1Format()), "give the older snapshot as --from"),
            (StreamExport(snapshot: "a", base: "a", format: DiffV1Format()), "give the older snapshot as --from"),
        ] {
            let error = await failure { _ = try await toFile(settings, store) } as? ExportError
            #expect(error?.disposition == .usage)
            #expect(error?.remedy == remedy)
            #expect(try folder.names.isEmpty)
            try await expectReleased(store)
        }
    }

    @Test("of an image without snapshots says that it has none")
    func noSnapshots() async throws {
        let store = MemoryStore()
        store.addImage("vm", contents: [1])
        let error = await failure { _ = try await toFile(StreamExport(snapshot: "x", format: DiffV1Format()), store) }
        #expect((error as? ExportError)?.remedy == "it has none")
    }

    @Test("of a history leaves out the snapshots that other exports made to read a head")
    func othersTemporary() async throws {
        let store = try await source()
        try await store.takeSnapshot(HeldSource.temporaryPrefix + "other")
        let outcome = try await toFile(StreamExport(snapshot: nil, format: ImageV2Format()), store)
        #expect(outcome.diffs.map(\.header.toSnapshot) == ["a", "b", "c", nil])
        #expect(outcome.diffs.map(\.header.isProtected) == [false, true, false, nil])
    }

    @Test("counts what it did")
    func meter() async throws {
        let store = try await source()
        let image = try await store.openSource("vm")
        let output = try await StreamOutput.create(
            folder.path("stream"), replacesExisting: false, zstdLevel: nil, threads: threads)
        let meter = StreamMeter()
        _ = try await StreamExport(snapshot: nil, format: ImageV2Format()).run(
            image, name: "vm", to: output, workers: workers, meter: meter)
        await image.close()
        #expect(meter.counts.phase == .finishing)
        #expect(meter.counts.diffNumber == 4 && meter.counts.diffCount == 4)
        #expect(meter.counts.imageByteCount == 60_000)
        #expect(meter.counts.dataByteCount >= 60_000)
    }
}
