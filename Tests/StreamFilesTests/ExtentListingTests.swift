import FerryCore
import ImageStore
import MemoryStore
import Testing

@testable import StreamFiles

private let granule: UInt64 = 4096

@Suite("A list of changed extents", .timeLimit(.minutes(1)))
struct ExtentListingTests {
    /// Snapshots "a" and "b", between which data, zeros and the size changed.
    private func source() async throws -> MemoryStore {
        let store = MemoryStore(batchExtentCountMax: 2)
        store.addImage("vm", contents: sample(60 * Int(granule)))
        try await store.takeSnapshot("a", isProtected: true)
        store.overwrite("vm", at: 10 * granule, with: sample(8 * Int(granule), seed: 2))
        try await store.discard(Extent(offset: 18 * granule, byteCount: 12 * granule))
        store.overwrite("vm", at: 40 * granule, with: [1])
        store.resizeHead(of: "vm", to: 65 * granule + 7)
        store.overwrite("vm", at: 65 * granule, with: [1, 2, 3])
        try await store.takeSnapshot("b")
        return store
    }

    private func list(
        _ listing: ExtentListing, _ store: MemoryStore, meter: StreamMeter = StreamMeter()
    ) async throws -> ([ChangedExtent], ExtentListing.Totals) {
        let image = SplitSource(image: try await store.openSource("vm"))
        var extents: [ChangedExtent] = []
        let result: Result<ExtentListing.Totals, any Error>
        do {
            result = .success(try await listing.run(image, name: "vm", meter: meter) { extents.append($0) })
        } catch {
            result = .failure(error)
        }
        await image.close()
        return (extents, try result.get())
    }

    private func changed(_ offset: UInt64, _ byteCount: UInt64, _ content: ChangedExtent.Content) -> ChangedExtent {
        ChangedExtent(Extent(offset: offset, byteCount: byteCount), content)
    }

    @Test("joins neighbours of one kind over batches, and sums them up", arguments: ["b", nil])
    func joined(snapshot: String?) async throws {
        let store = try await source()
        let meter = StreamMeter()
        let (extents, totals) = try await list(ExtentListing(snapshot: snapshot, base: "a"), store, meter: meter)
        #expect(
            extents == [
                changed(10 * granule, 8 * granule, .data), changed(18 * granule, 12 * granule, .zero),
                changed(40 * granule, granule, .data), changed(65 * granule, 7, .data),
            ])
        var expected = ExtentListing.Totals()
        expected.extentCount = 4
        expected.dataByteCount = 9 * granule + 7
        expected.zeroByteCount = 12 * granule
        expected.imageByteCount = 65 * granule + 7
        #expect(totals == expected)
        #expect(meter.counts.offset == 65 * granule + 7 && meter.counts.imageByteCount == 65 * granule + 7)
        try await expectReleased(store)
    }

    private func expectReleased(_ store: MemoryStore) async throws {
        let state = try #require(try await store.state())
        #expect(state.snapshots.map(\.name) == ["a", "b"])
        #expect(state.snapshots.map(\.isProtected) == [true, false])
        #expect(store.openDeltaCount == 0 && store.openHandleCount(of: "vm") == 0)
    }

    @Test("from nothing has everything that is there")
    func full() async throws {
        let (extents, totals) = try await list(ExtentListing(snapshot: "a"), try await source())
        #expect(extents == [changed(0, 60 * granule, .data)])
        #expect(totals.dataByteCount == 60 * granule && totals.zeroByteCount == 0)
    }

    @Test("of whole objects has the objects that the changes are in")
    func wholeObjects() async throws {
        let (extents, totals) = try await list(
            ExtentListing(snapshot: "b", base: "a", wholeObjects: true), try await source())
        #expect(
            extents == [
                changed(0, 48 * granule, .data), changed(64 * granule, granule + 7, .data),
            ])
        #expect(totals.extentCount == 2 && totals.dataByteCount == 49 * granule + 7)
    }

    @Test("of nothing is empty")
    func nothing() async throws {
        let store = try await source()
        let (extents, totals) = try await list(ExtentListing(snapshot: nil, base: "b"), store)
        #expect(extents.isEmpty && totals.extentCount == 0)
        let empty = MemoryStore()
        empty.addImage("vm", contents: [])
        #expect(try await list(ExtentListing(snapshot: nil), empty).0.isEmpty)
    }

    @Test("during which a snapshot is deleted is an error", arguments: ["a", "b"])
    func deleted(snapshot: String) async throws {
        let store = try await source()
        store.setFaults { operation, _ in
            if operation == .extents { store.deleteSnapshot(snapshot, of: "vm") }
        }
        let error = await failure { _ = try await list(ExtentListing(snapshot: "b", base: "a"), store) }
        guard case .snapshotGone(let gone, "vm") = error as? ExportError else { throw try #require(error) }
        #expect(gone.name == snapshot && ExportError.snapshotGone(gone, image: "vm").disposition == .temporary)
        #expect(store.openDeltaCount == 0)
    }

    @Test("that fails at any operation of the store, or in who takes it, holds nothing")
    func everyOperationFails() async throws {
        for number in 0..<100 {
            let store = try await source()
            let plan = FaultPlan { $0 == number }
            store.setFaults(plan.step)
            let error = await failure { _ = try await list(ExtentListing(snapshot: nil, base: "a"), store) }
            store.setFaults(nil)
            guard let operation = plan.failed.first else {
                #expect(error == nil && number > 5)
                break
            }
            let isReleasing = operation == .unpin || operation == .removeSnapshot
            #expect((error == nil) == isReleasing, "\(operation)")
            #expect(store.openDeltaCount == 0 && store.openHandleCount(of: "vm") == 0, "\(operation)")
            if !isReleasing { try await expectReleased(store) }
        }
        let store = try await source()
        let image = try await store.openSource("vm")
        await #expect(throws: CancellationError.self) {
            _ = try await ExtentListing(snapshot: "b").run(image, name: "vm", meter: StreamMeter()) { _ in
                throw CancellationError()
            }
        }
        await image.close()
        try await expectReleased(store)
    }

    @Test("of an image whose snapshots can't be pinned says so")
    func unpinnable() async throws {
        let store = try await source()
        store.setFaults { operation, name throws(StoreError) in
            if operation == .pin { throw StoreError(.unsupported, "pin", name) }
        }
        let totals = try await list(ExtentListing(snapshot: "b"), store).1
        #expect(totals.pinFailure?.reason == .unsupported)
    }
}
