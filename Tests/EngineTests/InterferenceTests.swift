import Engine
import FerryCore
import ImageStore
import MemoryStore
import Planning
import Synchronization
import TestSupport
import Testing

/// Runs something once, at the first call.
private final class Once: Sendable {
    private let isDone = Mutex(false)

    func run(_ body: () async throws -> Void) async rethrows {
        let isFirst = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        if isFirst { try await body() }
    }
}

@Suite("Others at work on the same images", .timeLimit(.minutes(2)))
struct InterferenceTests {
    private func sites(seed: UInt64) async throws -> TwoSites {
        let sites = TwoSites()
        var generator = SeededGenerator(seed: seed)
        sites.source.addImage("vm", contents: generator.bytes(3 << 20))
        try await sites.sync()
        sites.change(&generator)
        let image = try await sites.source.openSource("vm")
        _ = try await image.createSnapshot("daily")
        await image.close()
        return sites
    }

    @Test("a snapshot of the target's name made on the mirror meanwhile is never taken for the target")
    func foreignSnapshot() async throws {
        let sites = try await sites(seed: 1)
        let once = Once()
        sites.mirror.setFaults { [mirror = sites.mirror] operation, name throws(StoreError) in
            guard operation == .apply else { return }
            try? await once.run {
                let other = try await mirror.openMirror(name)
                _ = try await other?.createSnapshot("daily")
                await other?.close()
            }
        }
        let mirrorHead = sites.mirror.contents(of: "vm")
        await #expect(throws: (any Error).self) { try await sites.sync(snapshot: "daily") }
        sites.mirror.setFaults(nil)
        #expect(sites.mirror.contents(of: "vm", at: "daily") == mirrorHead)
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync(snapshot: "daily") }
        #expect(refusal?.disposition == .refused)
        // Its remedy works: without that snapshot the sync ends well.
        sites.mirror.deleteSnapshot("daily", of: "vm")
        try await sites.sync(snapshot: "daily")
        try await sites.expectEqual()
    }

    @Test(
        "a mirror that is resized during the transfer is not published, and comes right with the next",
        arguments: [1, 5])
    func resized(mebibytes: UInt64) async throws {
        let sites = try await sites(seed: 2)
        let once = Once()
        sites.mirror.setFaults { [mirror = sites.mirror] operation, name throws(StoreError) in
            guard operation == .apply else { return }
            await once.run { mirror.resizeHead(of: name, to: mebibytes << 20) }
        }
        await #expect(throws: (any Error).self) { try await sites.sync(snapshot: "daily") }
        sites.mirror.setFaults(nil)
        try await sites.sync(snapshot: "daily")
        try await sites.expectEqual()
    }

    @Test("a mirror that is resized between a cut and the resume begins again at its base")
    func resizedBetween() async throws {
        let sites = try await sites(seed: 3)
        await #expect(throws: (any Error).self) { try await sites.sync(snapshot: "daily", senderByteCountMax: 100_000) }
        sites.mirror.resizeHead(of: "vm", to: 1 << 20)
        sites.mirror.resizeHead(of: "vm", to: 2 << 20)
        try await sites.sync(snapshot: "daily")
        try await sites.expectEqual()
    }

    /// Resizes the mirror just before its snapshot is made; what comes after that may fail.
    private func resizeWhilePublishing(_ sites: TwoSites, thenFails: Bool) async throws {
        let isResized = Mutex(false)
        sites.mirror.setFaults { [mirror = sites.mirror] operation, name throws(StoreError) in
            if thenFails, isResized.withLock(\.self) { throw StoreError(.unavailable, "go on with", name) }
            guard operation == .createSnapshot else { return }
            mirror.resizeHead(of: name, to: 1 << 20)
            isResized.withLock { $0 = true }
        }
        await #expect(throws: (any Error).self) { try await sites.sync(snapshot: "daily") }
        sites.mirror.setFaults(nil)
    }

    @Test("a mirror that is resized just before its snapshot is made comes right with the next sync")
    func resizedWhilePublishing() async throws {
        let sites = try await sites(seed: 7)
        try await resizeWhilePublishing(sites, thenFails: false)
        try await sites.sync(snapshot: "daily")
        try await sites.expectEqual()
    }

    @Test("a snapshot of a resized mirror, made just before a crash, is not taken for the target")
    func resizedWhilePublishingThenCrash() async throws {
        let sites = try await sites(seed: 8)
        try await resizeWhilePublishing(sites, thenFails: true)
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.sync(snapshot: "daily") }
        #expect(refusal?.disposition == .refused)
        sites.mirror.deleteSnapshot("daily", of: "vm")
        try await sites.sync(snapshot: "daily")
        try await sites.expectEqual()
    }

    @Test("a pin that somebody's clone holds stops neither this sync nor the next")
    func clonedPin() async throws {
        let sites = try await sites(seed: 4)
        sites.source.setFaults { operation, name throws(StoreError) in
            if operation == .unpin { throw StoreError(.locked, "unpin", name) }
        }
        try await sites.sync(snapshot: "daily")
        sites.source.overwrite("vm", at: 0, with: [1])
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("a store that fails on the mirror's side is told to the sender in its own words")
    func storeError() async throws {
        let sites = try await sites(seed: 5)
        sites.mirror.setFaults { operation, name throws(StoreError) in
            if operation == .apply { throw StoreError(.noSpace, "write to", name) }
        }
        let error = await #expect(throws: (any Error).self) { try await sites.sync(snapshot: "daily") }
        #expect((error as? any Failure)?.cause == "can't write to vm")
        sites.mirror.setFaults(nil)
        try await sites.sync(snapshot: "daily")
        try await sites.expectEqual()
    }

    @Test("a cut transfer that the receiver will not have any more gives way to a new snapshot")
    func refusedUnfinished() async throws {
        let sites = try await sites(seed: 6)
        await #expect(throws: (any Error).self) { try await sites.sync(senderByteCountMax: 100_000) }
        let image = try await sites.source.openSource("vm")
        let unfinished = try #require(try await image.snapshots().last)
        await image.close()
        let mirror = try #require(try await sites.mirror.openMirror("vm"))
        _ = try await mirror.createSnapshot(unfinished.identity.name)
        await mirror.close()
        let steps = try await sites.sync()
        #expect(steps.count == 1 && steps[0].target.id > unfinished.identity.id)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
    }
}
