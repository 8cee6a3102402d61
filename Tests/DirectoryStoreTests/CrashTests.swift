import FerryCore
import Foundation
import ImageStore
import Testing

@testable import DirectoryStore

@Suite("What a crash leaves in a directory store")
struct CrashTests {
    @Test("half-made files are removed when the image is opened")
    func staleTemporaries() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3], snapshots: ["s1"])
        try folder.write([9], to: "image/.rbd-ferry-1")
        try folder.write([9], to: "image/snapshots/.rbd-ferry-2")
        let source = try await folder.store.openSource("image")
        #expect(!folder.exists("image/.rbd-ferry-1"))
        #expect(try folder.names("image/snapshots") == ["s1.raw"])
        #expect(try await source.snapshots().map(\.identity.name) == ["s1"])
        await source.close()
    }

    @Test("a file that is being made is left alone")
    func temporaryInUse() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        let snapshots = try FileDescriptor.openFolder(path: "\(folder.path)/image/snapshots", "open")
        let (file, name) = try snapshots.makeTemporaryFile("make")
        await (try folder.store.openSource("image")).close()
        #expect(try folder.names("image/snapshots") == [name])
        withExtendedLifetime(file) {}
    }

    @Test("a half-made image is not there, and is cleared away when the next one is made")
    func staleImage() async throws {
        let folder = try await StoreFolder.make()
        try folder.makeFolder(".rbd-ferry-3/snapshots")
        try folder.write([1], to: ".rbd-ferry-3/head.raw")
        #expect(try await folder.store.imageNames() == [])
        try await folder.create("image", [1])
        #expect(try folder.names() == ["image", "store.json"])
    }

    @Test("a record that was half written is not looked at")
    func halfRecord() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3], snapshots: ["s1"])
        try folder.write(Array("{\"identity\":".utf8), to: "image/.rbd-ferry-4")
        let source = try await folder.store.openSource("image")
        #expect(try await source.snapshots().count == 1)
        await source.close()
    }

    @Test("a snapshot file that the record does not tell of is no snapshot, and its name is free")
    func unrecordedSnapshot() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        try folder.write([9, 9], to: "image/snapshots/s1.raw")
        let source = try await folder.store.openSource("image")
        #expect(try await source.snapshots() == [])
        let made = try await source.createSnapshot("s1")
        #expect(made.byteCount == 3)
        #expect(try folder.read("image/snapshots/s1.raw") == [1, 2, 3])
        await source.close()
    }

    @Test("a snapshot whose removal was cut off is removed with the next change")
    func cutOffRemoval() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3], snapshots: ["s1"])
        let inner = ImageFolder(try FileDescriptor.openFolder(path: "\(folder.path)/image", "open"))
        var record = try inner.record("read")
        record.snapshots = []
        record.filesInTransit = ["s1.raw"]
        try inner.write(record, "write")
        let source = try await folder.store.openSource("image")
        #expect(try await source.snapshots() == [])
        try await source.setMetadata("key", to: "value")
        #expect(try folder.names("image/snapshots") == [])
        #expect(try inner.record("read").filesInTransit == [])
        await source.close()
    }

    @Test("a snapshot of an old record has the time of its file")
    func recordWithoutTimes() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3], snapshots: ["s1"])
        let inner = ImageFolder(try FileDescriptor.openFolder(path: "\(folder.path)/image", "open"))
        var record = try inner.record("read")
        record.snapshots[0].createdAtMilliseconds = nil
        try inner.write(record, "write")
        #expect(!String(decoding: try folder.read("image/image.json"), as: UTF8.self).contains("createdAt"))
        let time = Date(timeIntervalSince1970: 1_700_000_000)
        try FileManager.default.setAttributes(
            [.modificationDate: time], ofItemAtPath: "\(folder.path)/image/snapshots/s1.raw")
        let source = try await folder.store.openSource("image")
        #expect(try await source.snapshots().map(\.createdAt) == [time])
        let second = try await source.createSnapshot("s2")
        #expect(try await source.snapshots().map(\.createdAt) == [time, second.createdAt])
        await source.close()
    }

    @Test("a head that was rolled back is a whole file or the old one")
    func rollBackLeavesNoTemporary() async throws {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3], snapshots: ["s1"])
        let mirror = try #require(try await folder.store.openMirror("image"))
        try await mirror.apply([.data(offset: 0, range: 0..<1)], from: DataBuffer([7]))
        #expect(try folder.read("image/head.raw") == [7, 2, 3])
        try await mirror.rollBack(to: try #require(try await mirror.snapshots().first).identity)
        #expect(try folder.read("image/head.raw") == [1, 2, 3])
        #expect(try folder.names("image").filter { $0.hasPrefix(FileName.temporaryPrefix) } == [])
        await mirror.close()
    }
}
