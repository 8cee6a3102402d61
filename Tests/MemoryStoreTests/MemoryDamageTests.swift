import FerryCore
import ImageStore
import MemoryStore
import Testing

@Suite("Damage that a test does to a memory store")
struct MemoryDamageTests {
    /// Three snapshots of two granules; the third differs from the others in the second one.
    private func store(
        flaws: MemoryFlaws = []
    ) async throws -> (store: MemoryStore, image: any SourceImage, ids: [UInt64]) {
        let store = MemoryStore(flaws: flaws)
        store.addImage("image", contents: [UInt8](repeating: 1, count: 8192))
        let image = try await store.openSource("image")
        var ids: [UInt64] = []
        for name in ["a", "b", "c"] {
            if name == "c" { store.overwrite("image", at: 5000, with: [2]) }
            ids.append(try await image.createSnapshot(name, quiesce: .skip).identity.id)
        }
        return (store, image, ids)
    }

    @Test("spreads to what shares the granule, and to the head with the newest; what it says is what changed")
    func spreads() async throws {
        let (store, image, ids) = try await store()
        let everywhere = store.damage(
            image.identity, snapshotID: ids[0], newest: ids[2], at: Extent(offset: 4000, byteCount: 200), spreads: true)
        #expect(everywhere.snapshots.map(\.id) == ids && everywhere.head == Extent(offset: 4000, byteCount: 96))
        let older = store.damage(
            image.identity, snapshotID: ids[0], newest: ids[2], at: Extent(offset: 4096, byteCount: 1), spreads: true)
        #expect(older.snapshots.map(\.id) == [ids[0], ids[1]] && older.head == nil)
        let alone = store.damage(
            image.identity, snapshotID: ids[1], newest: ids[2], at: Extent(offset: 0, byteCount: 1), spreads: false)
        #expect(alone.snapshots.map(\.id) == [ids[1]] && alone.head == nil)
        let head = try #require(store.contents(of: "image"))
        #expect(head == store.contents(of: "image", at: "c") && head[0] == 1 && head[4000] != 1 && head[4096] == 1)
        let first = try #require(store.look(at: image.identity)?.contents(of: SnapshotIdentity(id: ids[0], name: "")))
        let second = try #require(store.look(at: image.identity)?.contents(of: SnapshotIdentity(id: ids[1], name: "")))
        #expect(first.differing(from: second) == [Extent(offset: 0, byteCount: 1)])
        await image.close()
    }

    @Test("does not show where damage is not read")
    func notRead() async throws {
        for (flaws, expected) in [(MemoryFlaws(), UInt8(1 ^ 0xA5)), (.damageIsNotRead, 1)] {
            let (store, image, ids) = try await store(flaws: flaws)
            _ = store.damage(
                image.identity, snapshotID: ids[2], newest: ids[2], at: Extent(offset: 0, byteCount: 1), spreads: false)
            let snapshot = SnapshotIdentity(id: ids[2], name: "c")
            let delta = try await image.openDelta(from: nil, to: snapshot, mode: .exact)
            let buffer = DataBuffer(byteCount: 1)
            try await delta.read([BufferRead(Extent(offset: 0, byteCount: 1), at: 0)], into: buffer)
            #expect(buffer.bytes(in: 0..<1) == [expected])
            await delta.close()
            await image.close()
        }
    }

    @Test("of lists leaves out what changed in a stretch, until it is shown again")
    func hidden() async throws {
        let (store, image, ids) = try await store()
        let (base, target) = (SnapshotIdentity(id: ids[1], name: "b"), SnapshotIdentity(id: ids[2], name: "c"))
        for (hidden, count) in [(Extent(offset: 4096, byteCount: 4096), 0), (Extent(offset: 0, byteCount: 4096), 1)] {
            store.hideChanges(of: image.identity, in: hidden)
            let delta = try await image.openDelta(from: base, to: target, mode: .exact)
            #expect(try await delta.extents(from: 0).extents.count == count)
            await delta.close()
        }
        store.hideChanges(of: image.identity, in: nil)
        #expect(try await image.firstChange(since: base) != nil)
        await image.close()
    }
}
