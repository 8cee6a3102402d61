import StoreConformance
import Testing

@Suite("CephStore conforms", .enabled(if: TestCluster.isThere))
struct ConformanceTests {
    @Test("it behaves as every store does", arguments: StoreConformance.cases)
    func conforms(_ conformanceCase: ConformanceCase) async throws {
        try await TestCluster.get().withStore { try await conformanceCase.run($0) }
    }

    @Test(
        "its leases run out by the cluster's clock",
        arguments: StoreConformance.leaseTimeCases { _, duration in try await Task.sleep(for: duration) })
    func leaseTimes(_ conformanceCase: ConformanceCase) async throws {
        try await TestCluster.get().withStore { try await conformanceCase.run($0) }
    }
}
