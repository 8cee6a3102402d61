import CephStore
import FerryCore
import Foundation
import ImageStore
import Testing

@testable import StoreConformance

@Suite("Speed", .enabled(if: TestCluster.isThere), .serialized)
struct SpeedTests {
    @Test("8 MiB changed in 4 TiB are found without looking at the rest")
    func largeImage() async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("four-tebibyte")
        try await cluster.rbd("create", name, "--size", "4T")
        try await cluster.rbd("snap", "create", "--no-progress", "rbd/\(name)@base")
        try await Workload(cluster: cluster, spec: "rbd/\(name)").run(
            "for at in range(128): image.write(os.urandom(65536), at * (31 << 30) + 12345)")
        try await cluster.rbd("snap", "create", "--no-progress", "rbd/\(name)@target")
        try await cluster.withSource(name) { source in
            let snapshots = try await source.snapshots()
            let clock = ContinuousClock()
            let start = clock.now
            try await source.withDelta(from: snapshots[0], to: snapshots[1]) { delta in
                let opened = clock.now
                let extents = try await delta.allExtents()
                let end = clock.now
                print("4 TiB: opened in \(opened - start), \(extents.count) extents in \(end - opened)")
                // A fifth of a second when alone. Exact alone takes half a minute, and other tests run beside this.
                #expect(end - start < .seconds(30))
                #expect(try await delta.changedByteCountEstimate() == 128 << 22)
                #expect(extents.count == 128)
            }
        }
        await cluster.discard("rbd/\(name)")
    }

    @Test(
        "rates of bare reads and writes, for a report",
        .enabled(if: ProcessInfo.processInfo.environment["RBD_FERRY_TEST_RATES"] != nil))
    func rates() async throws {
        let cluster = try TestCluster.get()
        print("resident before opening: \(Self.residentMebibytes) MiB")
        try await cluster.withStore { store in
            let name = TestCluster.freshName("rates")
            let mirror = try await store.createMirror(name, byteCount: 512 << 20, layout: .standard)
            try await mirror.lock()
            print("resident with store and image open: \(Self.residentMebibytes) MiB")
            let buffer = DataBuffer(testBytes(16 << 20))
            let clock = ContinuousClock()
            for round in 1...2 {
                let time = try await clock.measure {
                    for batch in 0..<32 as Range<UInt64> {
                        let writes = (0..<16).map {
                            MirrorWrite.data(
                                offset: batch << 24 + UInt64($0) << 20, range: $0 << 20..<($0 + 1) << 20)
                        }
                        try await mirror.apply(writes, from: buffer)
                    }
                    try await mirror.flush()
                }
                print("writes, 16 x 1 MiB a batch, round \(round): \(512 / (time / .seconds(1))) MiB/s")
            }
            let snapshot = try await mirror.createSnapshot("s")
            let source = try await store.openSource(name)
            try await source.withDelta(from: nil, to: snapshot) { delta in
                let time = try await clock.measure {
                    for batch in 0..<32 as Range<UInt64> {
                        let reads = (0..<16).map {
                            BufferRead(
                                Extent(offset: batch << 24 + UInt64($0) << 20, byteCount: 1 << 20), at: $0 << 20)
                        }
                        try await delta.read(reads, into: buffer)
                    }
                }
                print("reads, 16 x 1 MiB a batch: \(512 / (time / .seconds(1))) MiB/s")
            }
            await source.close()
            print("resident after: \(Self.residentMebibytes) MiB")
            await mirror.close()
            await cluster.discard("rbd/\(name)")
        }
    }

    private static var residentMebibytes: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) / 1024
    }
}
