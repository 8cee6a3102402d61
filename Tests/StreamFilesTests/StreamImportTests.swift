import DiffStream
import FerryCore
import Foundation
import ImageStore
import MemoryStore
import Synchronization
import Testing

@testable import StreamFiles

@Suite("An import", .timeLimit(.minutes(1)))
struct StreamImportTests {
    private let folder: StreamFolder
    private let increment = ImportScenario(.increment)
    private let full = ImportScenario(.full)
    private let history = ImportScenario(.history)

    init() throws { folder = try StreamFolder() }

    /// Imports into a store that was prepared; gives why it was refused. Nothing may have changed.
    private func refusal(of stream: [UInt8], in store: MemoryStore) async throws -> ImportError? {
        var refusals: [ImportError?] = []
        for medium in Medium.allCases {
            let before = try await store.state()
            let input = try await medium.open(stream, folder)
            let error = await failure { try await importing(input, into: store) }
            refusals.append(error as? ImportError)
            let isAsBefore = try await store.state() == before
            #expect(isAsBefore, "\(medium)")
            #expect(store.openHandleCount(of: "vm") == 0)
        }
        #expect(refusals[0]?.cause == refusals[1]?.cause)
        return refusals[0]
    }

    @Test("of a diff refuses an image that was written to or resized since its base")
    func headChanged() async throws {
        for change in [{ $0.overwrite("vm", at: 5, with: [1]) }, { $0.resizeHead(of: "vm", to: 299) }]
            as [@Sendable (MemoryStore) -> Bool]
        {
            let store = MemoryStore()
            try await increment.prepare(store)
            #expect(change(store))
            let error = try await refusal(of: increment.stream, in: store)
            guard case .headChanged("vm", let base, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(base.name == "a" && error?.disposition == .refused)
        }
    }

    @Test("of a diff needs the image, and its base, and its target's name")
    func namesMissing() async throws {
        let store = MemoryStore()
        var error = try await refusal(of: increment.stream, in: store)
        guard case .noImage("vm", base: "a") = error else { throw try #require(error) }
        store.addImage("vm", contents: sample(300))
        error = try await refusal(of: increment.stream, in: store)
        guard case .noBase("a", image: "vm", present: []) = error else { throw try #require(error) }
        try await store.takeSnapshot("x")
        error = try await refusal(of: increment.stream, in: store)
        #expect(error?.remedy == "it has: x")
        try await store.takeSnapshot("a")
        try await store.takeSnapshot("b")
        error = try await refusal(of: increment.stream, in: store)
        guard case .targetExists(let target, image: "vm") = error else { throw try #require(error) }
        #expect(target.name == "b")
    }

    @Test("of the same diff a second time is refused, and the image stays")
    func twice() async throws {
        let store = MemoryStore()
        try await increment.prepare(store)
        try await importing(increment.stream, into: store)
        let error = try await refusal(of: increment.stream, in: store)
        guard case .targetExists = error else { throw try #require(error) }
    }

    @Test("of a full stream refuses an image that has data, or snapshots", arguments: [true, false])
    func notEmpty(hasSnapshot: Bool) async throws {
        for scenario in [full, history] {
            let store = MemoryStore()
            try await store.createMirror("vm", byteCount: 300, layout: .standard).close()
            if hasSnapshot { try await store.takeSnapshot("x") } else { store.overwrite("vm", at: 0, with: [1]) }
            let error = try await refusal(of: scenario.stream, in: store)
            guard case .notEmpty("vm", let found) = error else { throw try #require(error) }
            #expect(found == (hasSnapshot ? "it has snapshot x" : "it has data at 0"))
        }
    }

    @Test("refuses the mirror of a sync", arguments: [ImportScenario(.increment), ImportScenario(.ontoEmpty)])
    func mirror(scenario: ImportScenario) async throws {
        let store = MemoryStore()
        try await scenario.prepare(store)
        try await store.setMetadata(["rbd-ferry.mirror": "{}"])
        let error = try await refusal(of: scenario.stream, in: store)
        guard case .isMirror("vm") = error else { throw try #require(error) }
    }

    @Test("waits for nobody: an image that somebody holds is reported as locked")
    func locked() async throws {
        let store = MemoryStore()
        try await increment.prepare(store)
        let holder = try #require(try await store.openMirror("vm"))
        try await holder.lock()
        let error = await failure { try await importing(increment.stream, into: store) }
        #expect((error as? StoreError)?.reason == .locked)
        await holder.close()
        try await importing(increment.stream, into: store)
    }

    @Test("never takes a snapshot of its target's name that somebody else made meanwhile", arguments: Medium.allCases)
    func foreignSnapshot(medium: Medium) async throws {
        let store = MemoryStore()
        try await increment.prepare(store)
        let before = try #require(try await store.state())
        try await interfere(store) { try? await store.takeSnapshot("b") }
        let input = try await medium.open(increment.stream, folder)
        let error = await failure { try await importing(input, into: store) }
        #expect((error as? StoreError)?.reason == .alreadyExists)
        store.setFaults(nil)
        let after = try #require(try await store.state())
        let isRolledBack = after.head == before.head && after.metadata == before.metadata
        #expect(isRolledBack)
        let isTheirs = after.snapshots.last?.name == "b" && after.snapshots.last?.bytes?.count == 350
        #expect(isTheirs, "it has the size that the head had then")
    }

    @Test("of a history into an image in which somebody makes a snapshot is never taken for whole")
    func foreignSnapshotInHistory() async throws {
        let store = MemoryStore()
        try await interfere(store) { try? await store.takeSnapshot("b") }
        let error = await failure { try await importing(history.stream, into: store) }
        guard case .notUndone = error as? ImportError else { throw try #require(error) }
        store.setFaults(nil)
        let again = await failure { try await importing(history.stream, into: store) }
        guard case .leftWithSnapshots = again as? ImportError else { throw try #require(again) }
        // Its remedy works.
        store.deleteSnapshot("b", of: "vm")
        try await importing(history.stream, into: store, restores: true)
        let isEqual = try await store.state() == history.expected()
        #expect(isEqual)
    }

    @Test("notices that somebody resizes the image meanwhile", arguments: [UInt64(10), 340, 5000])
    func foreignResize(byteCount: UInt64) async throws {
        for scenario in ImportScenario.all {
            let store = MemoryStore()
            try await scenario.prepare(store)
            let before = try await store.state()
            let once = Once()
            store.setFaults { operation, _ in
                guard operation == .flush else { return }
                await once.run { store.resizeHead(of: "vm", to: byteCount) }
            }
            let error = await failure { try await importing(scenario.stream, into: store) }
            store.setFaults(nil)
            guard case .resizedMeanwhile("vm", _, byteCount) = error as? ImportError else {
                Issue.record("\(scenario.kind): \(String(describing: error))")
                continue
            }
            let after = try await store.state()
            let isAsBefore = after == before
            #expect(isAsBefore, "\(scenario.kind)")
        }
    }

    /// Runs `body` at the first write.
    private func interfere(_ store: MemoryStore, _ body: @escaping @Sendable () async -> Void) async throws {
        let once = Once()
        store.setFaults { operation, _ in
            guard operation == .apply else { return }
            await once.run { await body() }
        }
    }

    @Test("takes metadata, but not what is our own or changes how librbd treats an image")
    func metadata() async throws {
        var stream: [UInt8] = []
        let keys = ["conf_rbd_cache", "rbd-ferry.mirror", "rbd-ferry.import", "owner", "confound"]
        let header = ImageHeader(
            order: 22, features: 61, stripeUnit: 1 << 22, stripeCount: 1,
            metadata: keys.map { ImageHeader.Metadata(key: $0, value: "x") })
        ImageV2Format().appendOpening(header, diffCount: 1, to: &stream)
        stream += diff(DiffHeader(imageByteCount: 10), [(0, [1], 1)])
        let store = MemoryStore()
        let outcome = try await importing(stream, into: store)
        #expect(outcome.droppedMetadataKeys == ["conf_rbd_cache", "rbd-ferry.mirror", "rbd-ferry.import"])
        #expect(try await store.state()?.metadata.map(\.key) == ["confound", "owner"])
    }

    @Test("makes an image with the usual layout when no image can have the stream's")
    func badLayout() async throws {
        for (order, unit, count) in [(99, 1 << 22, 1), (1 << 60, 0, 0), (22, 3, 1), (22, 1 << 22, 1 << 40)]
            as [(UInt64, UInt64, UInt64)]
        {
            var stream: [UInt8] = []
            let header = ImageHeader(order: order, features: 0, stripeUnit: unit, stripeCount: count)
            ImageV2Format().appendOpening(header, diffCount: 1, to: &stream)
            let store = MemoryStore()
            try await importing(stream + diff(DiffHeader(imageByteCount: 10), []), into: store)
            let image = try await store.openSource("vm")
            #expect(image.layout == .standard)
            await image.close()
        }
    }

    @Test("of a file reads all of it before it touches the store")
    func checkedFirst() async throws {
        let damage = Array(sample(3_000_000).dropLast())
        let stream = diff(
            DiffHeader(toSnapshot: "a", imageByteCount: 4_000_000), [(0, damage, UInt64(damage.count)), (5, [1], 1)])
        let store = MemoryStore()
        let plan = FaultPlan()
        store.setFaults(plan.step)
        let meter = StreamMeter()
        let input = try await Medium.file.open(stream, folder)
        let error = await failure { try await importing(input, into: store, meter: meter) }
        #expect((error as? StreamDamage)?.fault.code == .extentOverlaps)
        #expect(plan.operationCount == 0)
        #expect(meter.counts.phase == .checking)
    }

    @Test("holds no more than 8 chunks, however slow the store is")
    func bounded() async throws {
        let store = MemoryStore()
        let gate = Gate()
        store.setFaults { operation, _ in
            if operation == .apply { await gate.wait() }
        }
        let chunk = StreamBatches.chunkByteCount + StreamBatches.carriedByteCountMax
        let bytes = sample(16 * chunk)
        let stream = diff(DiffHeader(imageByteCount: UInt64(bytes.count)), [(0, bytes, UInt64(bytes.count))])
        let (readEnd, writeEnd) = makePipe()
        let written = Atomic(0)
        Thread.detachNewThread {
            for start in stride(from: 0, to: stream.count, by: 65_536) {
                let slice = Array(stream[start..<min(stream.count, start + 65_536)])
                written.add(writeAll(slice, to: writeEnd), ordering: .relaxed)
            }
            close(writeEnd)
        }
        let input = try pipeInput(owning: readEnd)
        let running = Task { try await importing(input, into: store) }
        try await until { gate.waiterCount == 8 }
        // Long enough for more to come, if more could.
        try await Task.sleep(for: .milliseconds(100))
        #expect(gate.waiterCount == 8)
        // They, and what the pipe holds.
        #expect(written.load(ordering: .relaxed) <= 8 * chunk + (1 << 20))
        gate.open()
        _ = try await running.value
        let isEqual = store.contents(of: "vm") == bytes
        #expect(isEqual)
    }
}
