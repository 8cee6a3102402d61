import Engine
import FerryCore
import ImageStore
import MemoryStore
import Planning
import Synchronization
import TestSupport
import Testing

@Suite("A delta that is opened while the receiver decides")
struct EarlyDeltaTests {
    private func sites() -> TwoSites {
        let sites = TwoSites()
        var generator = SeededGenerator(seed: 11)
        sites.source.addImage("vm", contents: (0..<200_000).map { _ in UInt8.random(in: 1...255, using: &generator) })
        return sites
    }

    /// How often the source opens a delta during `body`.
    private func openings(_ sites: TwoSites, _ body: () async throws -> Void) async rethrows -> Int {
        let count = Mutex(0)
        sites.source.setFaults { operation, _ in
            if operation == .openDelta { count.withLock { $0 += 1 } }
        }
        defer { sites.source.setFaults(nil) }
        try await body()
        return count.withLock(\.self)
    }

    @Test("is the one that is sent, for a full copy and for what follows, and is closed")
    func used() async throws {
        let sites = sites()
        for number in UInt64(0)..<3 {
            sites.source.overwrite("vm", at: number * 5000, with: [1, 2, 3])
            #expect(try await openings(sites) { try await sites.sync() } == 1)
            #expect(sites.source.openDeltaCount == 0)
        }
        try await sites.expectEqual()
    }

    @Test("is given up for the right one when the receiver asks for another base")
    func otherBase() async throws {
        let sites = sites()
        let first = try await sites.sync()
        sites.source.overwrite("vm", at: 0, with: [1, 1])
        let second = try await sites.sync()
        // The mirror lost the newest snapshot; its head is as before it.
        sites.mirror.deleteSnapshot(second[0].target.name, of: "vm")
        let before = try #require(sites.source.contents(of: "vm", at: first[0].target.name))
        sites.mirror.overwrite("vm", at: 0, with: Array(before.prefix(2)))
        sites.source.overwrite("vm", at: 9000, with: [2, 2])
        let base = Mutex<SnapshotIdentity?>(nil)
        let count = try await openings(sites) {
            let third = try await sites.sync()
            base.withLock { $0 = third[0].base }
        }
        #expect(base.withLock(\.self) == first[0].target && count == 2)
        #expect(sites.source.openDeltaCount == 0)
        try await sites.expectEqual()
    }

    @Test("is closed when the receiver refuses")
    func refused() async throws {
        let sites = sites()
        try await sites.sync()
        sites.mirror.overwrite("vm", at: 4096, with: [1])
        await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(sites.source.openDeltaCount == 0)
    }

    @Test("is closed when the snapshot that it shows can't be pinned any more")
    func gone() async throws {
        let sites = sites()
        let first = try await sites.sync()
        sites.source.overwrite("vm", at: 0, with: [1, 1])
        let source = sites.source
        source.setFaults { operation, name in
            if operation == .pin { source.deleteSnapshots(of: name, newerThan: first[0].target.id) }
        }
        await #expect(throws: (any Error).self) { try await sites.sync() }
        source.setFaults(nil)
        #expect(source.openDeltaCount == 0)
        _ = try await sites.syncUntilDone()
        try await sites.expectEqual()
    }

    @Test("one that fails is no trouble: the delta is opened when it is needed")
    func fails() async throws {
        let sites = sites()
        let isFirst = Mutex(true)
        sites.source.setFaults { operation, _ throws(StoreError) in
            guard operation == .openDelta,
                isFirst.withLock({ first in
                    defer { first = false }
                    return first
                })
            else { return }
            throw StoreError(.unavailable, "open delta of", "vm", detail: "just once")
        }
        try await sites.sync()
        sites.source.setFaults(nil)
        #expect(sites.source.openDeltaCount == 0)
        try await sites.expectEqual()
    }
}

@Suite("Compression as it is configured")
struct CompressionPolicyTests {
    @Test("brings the same bytes across", arguments: [CompressionPolicy.none, .level(1), .level(6), .adaptive])
    func whole(compression: CompressionPolicy) async throws {
        var sites = TwoSites()
        sites.compression = compression
        let text = Array(String(repeating: "the quick brown fox ", count: 150_000).utf8)
        sites.source.addImage("vm", contents: text)
        let steps = try await sites.sync()
        try await sites.expectEqual()
        let counts = steps[0].counts
        #expect((counts.sentByteCount < counts.contentByteCount / 2) == (compression != .none))
    }
}
