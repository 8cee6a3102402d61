import MemoryStore
import StoreConformance
import Testing

@Suite("A memory store")
struct MemoryStoreConformanceTests {
    @Test("does what every store does", arguments: StoreConformance.cases)
    func conformance(_ conformance: ConformanceCase) async throws {
        try await conformance.run(MemoryStore(batchExtentCountMax: 3))
    }

    @Test(
        "lets leases run out by its clock",
        arguments: StoreConformance.leaseTimeCases { store, duration in
            (store as? MemoryStore)?.advanceClock(by: duration)
        })
    func leaseTimes(_ conformance: ConformanceCase) async throws {
        let store = MemoryStore()
        let start = store.now
        store.setClock { start }
        try await conformance.run(store)
    }

    @Test("gives exact deltas for random histories", arguments: 2...20 as ClosedRange<UInt64>)
    func randomHistories(seed: UInt64) async throws {
        try await StoreConformance.randomCase(seed: seed).run(MemoryStore())
    }
}
