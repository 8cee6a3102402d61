import ImageStore
import Testing

@testable import DirectoryStore

@Suite("Symbolic links in a directory store")
struct SymbolicLinkTests {
    @Test("a head that is a link is refused and not touched")
    func head() async throws {
        let folder = try await StoreFolder.make()
        try folder.write([1, 2, 3], to: "outside")
        try folder.makeFolder("image")
        try folder.link("image/head.raw", to: "../outside")
        #expect(try await folder.store.imageNames() == [])
        #expect(await reason { _ = try await folder.store.openSource("image") } == .unsupported)
        #expect(try folder.read("outside") == [1, 2, 3])
    }

    @Test("an image folder that is a link is refused")
    func imageFolder() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1])
        try folder.link("alias", to: "image")
        #expect(try await folder.store.imageNames() == ["image"])
        #expect(await reason { _ = try await folder.store.openSource("alias") } == .unsupported)
    }

    @Test("a snapshot that is a link is refused")
    func snapshot() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1], snapshots: ["s1"])
        try folder.write([2], to: "outside")
        try folder.remove("image/snapshots/s1.raw")
        try folder.link("image/snapshots/s1.raw", to: "../../outside")
        let source = try await folder.store.openSource("image")
        let snapshot = try #require(try await source.snapshots().first)
        #expect(
            await reason { _ = try await source.openDelta(from: nil, to: snapshot.identity, mode: .exact) }
                == .unsupported)
        await source.close()
    }

    @Test("a snapshot file of another size than recorded is refused")
    func wrongSize() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1], snapshots: ["s1"])
        try folder.write([1, 2], to: "image/snapshots/s1.raw")
        let source = try await folder.store.openSource("image")
        let snapshot = try #require(try await source.snapshots().first)
        #expect(
            await reason { _ = try await source.openDelta(from: nil, to: snapshot.identity, mode: .exact) }
                == .inconsistent)
        await source.close()
    }
}
