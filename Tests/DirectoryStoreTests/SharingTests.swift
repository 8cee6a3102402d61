import FerryCore
import ImageStore
import Testing

@testable import DirectoryStore

@Suite("Several users of one directory store")
struct SharingTests {
    @Test("opening one folder many times at once gives one identity")
    func oneIdentity() async throws {
        let files = try TestFileSystem.plain()
        let clusters = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let store = try await DirectoryStore.open(files.path)
                    let image = try await store.createMirror("image-\(number)", byteCount: 1, layout: .standard)
                    await image.close()
                    return image.identity.cluster
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(clusters.count == 1)
    }

    @Test("changes of the record by two handles at once are all kept")
    func noLostUpdate() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1])
        let other = try await DirectoryStore.open(folder.path)
        let sources = [try await folder.store.openSource("image"), try await other.openSource("image")]
        try await withThrowingTaskGroup { group in
            for (number, source) in sources.enumerated() {
                group.addTask {
                    for key in 0..<25 { try await source.setMetadata("key-\(number)-\(key)", to: "set") }
                }
            }
            try await group.waitForAll()
        }
        for number in 0..<2 {
            for key in 0..<25 { #expect(try await sources[0].metadata("key-\(number)-\(key)") == "set") }
        }
        for source in sources { await source.close() }
    }

    @Test("a folder with a head in it becomes an image, the same one every time")
    func adoption() async throws {
        let folder = try await StoreFolder.make()
        try folder.makeFolder("image")
        try folder.makeFolder("empty")
        try folder.write([1, 2, 3], to: "image/head.raw")
        #expect(try await folder.store.imageNames() == ["image"])
        let source = try await folder.store.openSource("image")
        let again = try await folder.store.openSource("image")
        #expect(source.identity == again.identity)
        #expect(try await source.headByteCount() == 3)
        let snapshot = try await source.createSnapshot("s1")
        #expect(try folder.read("image/snapshots/s1.raw") == [1, 2, 3])
        #expect(snapshot.identity.id == 1)
        #expect(await reason { _ = try await folder.store.openSource("empty") } == .notFound)
        await source.close()
        await again.close()
    }

    @Test("an image stays itself when its folder gets another name")
    func rename() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3], snapshots: ["s1"])
        let source = try await folder.store.openSource("image")
        try folder.rename("image", to: "renamed")
        #expect(try await source.snapshots().count == 1)
        let renamed = try await folder.store.openSource("renamed")
        #expect(renamed.identity == source.identity)
        await renamed.close()
        await source.close()
    }

    @Test("an image that a source has open is not removed")
    func removalOfOpenImage() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        let source = try await folder.store.openSource("image")
        let mirror = try #require(try await folder.store.openMirror("image"))
        #expect(await reason { try await mirror.remove() } == .locked)
        await source.close()
        try await mirror.remove()
        #expect(try folder.names() == ["store.json"])
    }

    @Test("an image that was deleted under a handle is not found")
    func deletedUnderHandle() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        let source = try await folder.store.openSource("image")
        try folder.remove("image")
        #expect(await reason { _ = try await source.snapshots() } == .notFound)
        #expect(await reason { _ = try await source.createSnapshot("s1") } == .notFound)
        #expect(await reason { try await source.setMetadata("key", to: "value") } == .notFound)
        await source.close()
    }

    @Test("a closed image does nothing any more")
    func closed() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        let source = try await folder.store.openSource("image")
        await source.close()
        #expect(await reason { _ = try await source.headByteCount() } == .failed)
    }

    @Test("a full file system is said to be full")
    func noSpace() async throws {
        guard let files = TestFileSystem.tiny() else { try Test.cancel("needs root to mount a tmpfs") }
        let folder = try await StoreFolder.make(on: files)
        let mirror = try await folder.store.createMirror("image", byteCount: 64 << 20, layout: .standard)
        let buffer = DataBuffer([UInt8](repeating: 7, count: 16 << 20))
        let failed = await reason { try await mirror.apply([.data(offset: 0, range: 0..<16 << 20)], from: buffer) }
        #expect(failed == .noSpace)
        try await mirror.wipe()
        #expect(try await mirror.firstChange(since: nil) == nil)
        await mirror.close()
    }
}
