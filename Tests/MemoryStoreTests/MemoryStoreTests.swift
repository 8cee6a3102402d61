import FerryCore
import ImageStore
import MemoryStore
import Synchronization
import Testing

@Suite("What tests do with a memory store")
struct MemoryStoreTests {
    private let fault = StoreError(.unavailable, "test", "fault")

    @Test("a fault is called before each operation, and its error comes out")
    func faults() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [1, 2, 3])
        let seen = Mutex<[MemoryOperation]>([])
        let fault = fault
        store.setFaults { operation, image throws(StoreError) in
            seen.withLock { $0.append(operation) }
            if operation == .flush && image == "image" { throw fault }
        }
        let mirror = try #require(try await store.openMirror("image"))
        await #expect(throws: fault) { try await mirror.flush() }
        store.setFaults(nil)
        try await mirror.flush()
        #expect(seen.withLock { $0 } == [.openMirror, .flush])
    }

    @Test("a fault before one write leaves those before it done")
    func faultInTheMiddle() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [0, 0, 0, 0])
        let fault = fault
        store.setFaults { operation, _ throws(StoreError) in
            if operation == .write(Extent(offset: 2, byteCount: 1)) { throw fault }
        }
        let mirror = try #require(try await store.openMirror("image"))
        let writes = [MirrorWrite.data(offset: 0, range: 0..<1), .data(offset: 2, range: 1..<2)]
        await #expect(throws: fault) { try await mirror.apply(writes, from: DataBuffer([7, 8])) }
        #expect(store.contents(of: "image") == [7, 0, 0, 0])
    }

    @Test("a loss of power takes what was not flushed, and the lock")
    func lossOfPower() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [0, 0])
        let mirror = try #require(try await store.openMirror("image"))
        try await mirror.apply([.data(offset: 0, range: 0..<1)], from: DataBuffer([7]))
        try await mirror.flush()
        try await mirror.apply([.data(offset: 1, range: 0..<1)], from: DataBuffer([8]))
        #expect(store.contents(of: "image") == [7, 8])
        store.losePower(of: "image")
        #expect(store.contents(of: "image") == [7, 0])
        try await store.openMirror("image")?.lock()
    }

    @Test("a foreign write shows as a change")
    func foreignWrite() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [UInt8](repeating: 1, count: 10_000))
        let mirror = try #require(try await store.openMirror("image"))
        let snapshot = try await mirror.createSnapshot("s1")
        #expect(store.overwrite("image", at: 5000, with: [9]))
        #expect(!store.overwrite("image", at: 9_999, with: [9, 9]))
        #expect(try await mirror.firstChange(since: snapshot.identity) == Extent(offset: 4096, byteCount: 4096))
        #expect(store.contents(of: "image", at: "s1") == [UInt8](repeating: 1, count: 10_000))
    }

    @Test("a snapshot deleted under a delta reads as zeros, as on Ceph")
    func deletedUnderDelta() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [1, 2, 3])
        let source = try await store.openSource("image")
        let snapshot = try await source.createSnapshot("s1").identity
        let delta = try await source.openDelta(from: nil, to: snapshot, mode: .exact)
        #expect(try await source.pin(snapshot))
        #expect(store.isPinned("s1", of: "image"))
        #expect(store.deleteSnapshot("s1", of: "image"))
        let buffer = DataBuffer([9, 9, 9])
        try await delta.read([BufferRead(Extent(offset: 0, byteCount: 3), at: 0)], into: buffer)
        #expect(buffer.bytes(in: 0..<3) == [0, 0, 0])
        #expect(try await delta.extents(from: 0) == ExtentBatch(extents: [], scannedTo: 3))
        await #expect(throws: StoreError.self) { try await source.pin(snapshot) }
    }

    @Test("an image stays itself when renamed, and is another when made anew")
    func identity() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [1])
        let source = try await store.openSource("image")
        #expect(store.renameImage("image", to: "renamed"))
        #expect(try await store.openSource("renamed").identity == source.identity)
        #expect(store.deleteImage("renamed"))
        #expect(store.addImage("renamed", contents: [1]))
        #expect(try await store.openSource("renamed").identity != source.identity)
        await #expect(throws: StoreError.self) { try await source.snapshots() }
    }
}
