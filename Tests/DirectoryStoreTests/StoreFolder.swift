import FerryCore
import Foundation
import ImageStore

@testable import DirectoryStore

/// A store in a folder of its own, with shorthand for looking at and meddling with its files.
final class StoreFolder: Sendable {
    let files: TestFileSystem
    let path: String
    let store: DirectoryStore

    private init(files: TestFileSystem, path: String, store: DirectoryStore) {
        self.files = files
        self.path = path
        self.store = store
    }

    static func make(on files: TestFileSystem? = nil) async throws -> StoreFolder {
        let files = try files ?? .plain()
        let path = try files.makeFolder()
        return StoreFolder(files: files, path: path, store: try await DirectoryStore.open(path))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
    }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: "\(path)/\(name)")))
    }

    func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
    }

    func exists(_ name: String) -> Bool {
        (try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")) != nil
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }

    func rename(_ name: String, to newName: String) throws {
        try FileManager.default.moveItem(atPath: "\(path)/\(name)", toPath: "\(path)/\(newName)")
    }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
    }

    /// Creates an image of these bytes with snapshots of these names.
    func create(_ name: String, _ bytes: [UInt8], snapshots: [String] = []) async throws {
        let mirror = try await store.createMirror(name, byteCount: UInt64(bytes.count), layout: .standard)
        try await mirror.apply([.data(offset: 0, range: 0..<bytes.count)], from: DataBuffer(bytes))
        for snapshot in snapshots { _ = try await mirror.createSnapshot(snapshot) }
        await mirror.close()
    }
}

/// The reason for which `body` failed; nil when it didn't.
func reason(_ body: () async throws -> Void) async -> StoreError.Reason? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? StoreError)?.reason
    }
}
