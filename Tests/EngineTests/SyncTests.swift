import Conversation
import Engine
import FerryCore
import ImageStore
import MemoryStore
import Planning
import TestSupport
import Testing

private let mebibyte = 1 << 20

@Suite("A sync between two sites", .timeLimit(.minutes(2)))
struct SyncTests {
    private func sites(byteCount: Int = 3 * mebibyte + 777, seed: UInt64 = 1) -> TwoSites {
        let sites = TwoSites()
        var generator = SeededGenerator(seed: seed)
        sites.source.addImage("vm", contents: generator.bytes(byteCount))
        return sites
    }

    @Test("the first sync makes an equal mirror, the next sends only what changed")
    func firstAndNext() async throws {
        let sites = sites()
        let first = try await sites.sync()
        try await sites.expectEqual()
        #expect(first[0].base == nil && first[0].counts.readByteCount == UInt64(3 * mebibyte + 777))
        sites.source.overwrite("vm", at: 12345, with: [1, 2, 3])
        let next = try await sites.sync()
        try await sites.expectEqual()
        #expect(next[0].base == first[0].target)
        #expect(next[0].counts.contentByteCount < 50_000)
    }

    @Test("a sync without changes sends no data records")
    func unchanged() async throws {
        let sites = sites()
        try await sites.sync()
        let next = try await sites.sync()
        #expect(next[0].counts.dataRecordCount == 0 && next[0].counts.readByteCount == 0)
        try await sites.expectEqual()
    }

    @Test("images of odd sizes, and of none", arguments: [0, 1, 4095, 4096, 4097, 1_048_577])
    func sizes(byteCount: Int) async throws {
        let sites = sites(byteCount: byteCount)
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("zeros are cut out: a sparse image costs its data only")
    func sparse() async throws {
        let sites = TwoSites()
        var contents = [UInt8](repeating: 0, count: 8 * mebibyte)
        contents.replaceSubrange(5_000_000..<5_004_096, with: repeatElement(7, count: 4096))
        sites.source.addImage("vm", contents: contents)
        let steps = try await sites.sync()
        #expect(steps[0].counts.contentByteCount < 10_000)
        try await sites.expectEqual()
    }

    @Test("data that became zeros becomes zeros on the mirror")
    func zeroed() async throws {
        let sites = sites()
        try await sites.sync()
        sites.source.overwrite("vm", at: 1000, with: [UInt8](repeating: 0, count: mebibyte))
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("an image that grows, shrinks, and both between two syncs")
    func resized() async throws {
        let sites = sites()
        try await sites.sync()
        for sizes in [[5 * mebibyte], [mebibyte + 3], [100, 4 * mebibyte]] {
            let image = try #require(try await sites.source.openMirror("vm"))
            for size in sizes { try await image.resize(to: UInt64(size)) }
            await image.close()
            sites.source.overwrite("vm", at: 50, with: [9, 9, 9])
            try await sites.sync()
            try await sites.expectEqual("after \(sizes)")
        }
    }

    @Test("a named snapshot is sent as it is, and found there the second time")
    func named() async throws {
        let sites = sites()
        let image = try await sites.source.openSource("vm")
        _ = try await image.createSnapshot("daily")
        await image.close()
        sites.source.overwrite("vm", at: 0, with: [0, 0, 0, 0])
        let first = try await sites.sync(snapshot: "daily")
        #expect(first[0].target.name == "daily" && !first[0].wasPublished)
        try await sites.expectEqual()
        #expect(try await sites.sync(snapshot: "daily")[0].wasPublished)
    }

    @Test("no pin is left behind, and the user's own protection stays")
    func pins() async throws {
        let sites = sites()
        let image = try await sites.source.openSource("vm")
        let daily = try await image.createSnapshot("daily")
        _ = try await image.pin(daily.identity)
        await image.close()
        try await sites.sync(snapshot: "daily")
        let next = try await sites.sync()
        #expect(sites.source.isPinned("daily", of: "vm"))
        #expect(!sites.source.isPinned(next[0].target.name, of: "vm"))
    }

    @Test("a foreign write to the mirror is refused, and nothing published changes")
    func foreignWrite() async throws {
        let sites = sites()
        let first = try await sites.sync()
        sites.mirror.overwrite("vm", at: 4096, with: [1])
        let before = sites.source.contents(of: "vm")
        await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(sites.mirror.contents(of: "vm", at: first[0].target.name) == before)
        // The snapshot that was made for the refused sync is gone again.
        let image = try await sites.source.openSource("vm")
        #expect(try await image.snapshots().count == 1)
        await image.close()
    }

    @Test("an image of the mirror's name that is not ours is refused; an empty one is adopted")
    func foreignImage() async throws {
        let sites = sites()
        sites.mirror.addImage("vm", contents: [1, 2, 3])
        await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        sites.mirror.deleteImage("vm")
        let empty = try await sites.mirror.createMirror("vm", byteCount: 50, layout: .standard)
        await empty.close()
        try await sites.sync()
        try await sites.expectEqual()
    }

    @Test("a base that was deleted and made anew under its name is not used")
    func nameReuse() async throws {
        let sites = sites()
        for _ in 0..<2 {
            let image = try await sites.source.openSource("vm")
            _ = try await image.createSnapshot("base")
            await image.close()
            let synced = try? await sites.sync(snapshot: "base")
            if synced == nil { break }
            sites.source.deleteSnapshot("base", of: "vm")
            sites.source.overwrite("vm", at: 0, with: [42])
        }
        // The mirror has "base" of another id: the name is taken, and no snapshot is common.
        await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        await #expect(throws: OfferRefusal.self) { try await sites.sync(snapshot: "base") }
    }

    @Test("a source image that was made anew is refused")
    func sourceMadeAnew() async throws {
        let sites = sites()
        try await sites.sync()
        sites.source.deleteImage("vm")
        sites.source.addImage("vm", contents: [1, 2, 3])
        await #expect(throws: OfferRefusal.self) { try await sites.sync() }
    }

    @Test("a renamed source keeps its mirror's history under the new name only if the mirror is renamed too")
    func renamed() async throws {
        var sites = sites()
        try await sites.sync()
        sites.source.renameImage("vm", to: "web")
        sites.mirror.renameImage("vm", to: "web")
        sites.image = "web"
        sites.source.overwrite("web", at: 7, with: [1])
        let steps = try await sites.sync()
        #expect(steps[0].base != nil)
        try await sites.expectEqual()
    }

    @Test("an older common snapshot serves when the newest is gone at the source")
    func olderBase() async throws {
        let sites = sites()
        let first = try await sites.sync()
        sites.source.overwrite("vm", at: 0, with: [1, 1])
        let second = try await sites.sync()
        sites.source.deleteSnapshot(second[0].target.name, of: "vm")
        sites.source.overwrite("vm", at: 9000, with: [2, 2])
        let third = try await sites.sync()
        #expect(third[0].base == first[0].target)
        sites.mirror.deleteSnapshot(second[0].target.name, of: "vm")
        try await sites.expectEqual()
    }

    @Test("a target deleted during the transfer is never published")
    func targetDeleted() async throws {
        let sites = sites()
        let first = try await sites.sync()
        sites.source.overwrite("vm", at: 0, with: [5])
        let source = sites.source
        source.setFaults { operation, name in
            if operation == .read { source.deleteSnapshots(of: name, newerThan: first[0].target.id) }
        }
        await #expect(throws: (any Error).self) { try await sites.sync() }
        source.setFaults(nil)
        let mirror = try #require(try await sites.mirror.openMirror("vm"))
        #expect(try await mirror.snapshots().map(\.identity.name) == [first[0].target.name])
        await mirror.close()
        _ = try await sites.syncUntilDone()
        try await sites.expectEqual()
    }

    @Test("a client that is not in the list, and an image that is not the client's, are not authorised")
    func authorisation() async throws {
        var sites = sites()
        sites.identities = ["stranger"]
        await #expect(throws: PeerFault.self) { try await sites.sync() }
        sites.identities = ["other", "sender"]
        sites.images = "db-*"
        let error = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(error?.disposition == .unauthorized)
    }

    @Test("a mirror that somebody holds is reported as locked, and the running sync is not harmed")
    func locked() async throws {
        let sites = sites()
        try await sites.sync()
        let holder = try #require(try await sites.mirror.openMirror("vm"))
        try await holder.lock()
        let error = await #expect(throws: OfferRefusal.self) { try await sites.sync() }
        #expect(error?.disposition == .locked)
        await holder.close()
        try await sites.sync()
        try await sites.expectEqual()
    }
}
