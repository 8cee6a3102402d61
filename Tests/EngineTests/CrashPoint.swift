import ImageStore
import MemoryStore
import Synchronization
import TestSupport
import Testing

/// Throws at the nth operation, once, as a crash there would.
final class CrashPoint: Sendable {
    private let left: Mutex<Int>
    init(_ number: Int) { left = Mutex(number) }

    /// Whether the point was reached.
    var wasReached: Bool { left.withLock { $0 < 0 } }

    func step(_ image: String) throws(StoreError) {
        let isHere = left.withLock { left in
            defer { left -= 1 }
            return left == 0
        }
        if isHere { throw StoreError(.unavailable, "go on with", image, detail: "test crash") }
    }
}

extension TwoSites {
    /// Crashes a second sync at every operation of a store in turn, by the faults that `setFaults` sets; `after` is what the
    /// crash does to the sites besides. Each time it goes on and ends equal.
    static func crashSweep(
        _ make: (_ seed: UInt64, inout SeededGenerator) -> TwoSites, _ setFaults: (TwoSites, MemoryFaults?) -> Void,
        after: (TwoSites) -> Void
    ) async throws {
        var point = 0
        var wasReached = true
        while wasReached, point < 400 {
            var generator = SeededGenerator(seed: UInt64(point))
            let sites = make(UInt64(point), &generator)
            try await sites.sync()
            sites.change(&generator, writeCount: 8)
            let crash = CrashPoint(point)
            setFaults(sites) { _, image throws(StoreError) in try crash.step(image) }
            _ = try? await sites.sync()
            setFaults(sites, nil)
            wasReached = crash.wasReached
            if wasReached { after(sites) }
            _ = try await sites.syncUntilDone()
            try await sites.expectEqual("crash at operation \(point)")
            #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"), "crash at operation \(point)")
            point += 1
        }
        #expect(point > 20, "the sweep found few points: \(point)")
    }
}
