import ImageStore
import Testing

@testable import DirectoryStore

@Suite("Names in a directory store")
struct NameTests {
    static let bad = [
        "", ".", "..", "../other", "a/b", "/etc/passwd", "a\0b", "a\nb", "\u{7f}", "\u{85}", ".hidden",
        ".rbd-ferry-1", String(repeating: "x", count: 256), String(repeating: "ü", count: 128),
    ]

    @Test("an image name that leaves the folder or hides in it is refused", arguments: bad + ["store.json"])
    func badImageName(name: String) async throws {
        let folder = try await StoreFolder.make()
        let before = try folder.names()
        #expect(await reason { _ = try await folder.store.openSource(name) } == .unsupported)
        #expect(await reason { _ = try await folder.store.openMirror(name) } == .unsupported)
        #expect(
            await reason { _ = try await folder.store.createMirror(name, byteCount: 1, layout: .standard) }
                == .unsupported)
        #expect(try folder.names() == before)
    }

    @Test("a snapshot name that leaves the folder or hides in it is refused", arguments: bad)
    func badSnapshotName(name: String) async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        let source = try await folder.store.openSource("image")
        #expect(await reason { _ = try await source.createSnapshot(name) } == .unsupported)
        #expect(try folder.names("image/snapshots") == [])
        #expect(try await source.snapshots() == [])
        await source.close()
    }

    @Test("the longest names that fit in a file system are taken")
    func longNames() async throws {
        let folder = try await StoreFolder.make()
        let image = String(repeating: "i", count: 255)
        let snapshot = String(repeating: "s", count: 251)
        try await folder.create(image, [1], snapshots: [snapshot, "日本語 🚢"])
        #expect(try await folder.store.imageNames() == [image])
        #expect(try folder.names("\(image)/snapshots").contains(snapshot + ".raw"))
    }

    @Test("a record that names a file outside is refused")
    func badRecord() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1], snapshots: ["good"])
        let record = String(decoding: try folder.read("image/image.json"), as: UTF8.self)
        try folder.write(Array(record.replacing("\"good\"", with: "\"../../good\"").utf8), to: "image/image.json")
        #expect(await reason { _ = try await folder.store.openSource("image") } == .unsupported)
    }
}
