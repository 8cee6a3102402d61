import Foundation
import Glibc

/// A file system in memory with little room, most of it taken by a file that can be made smaller.
///
/// It is mounted under no name, so that nothing stays mounted however the process ends.
final class SmallFileSystem: Sendable {
    /// Where it is, for other processes too.
    let path: String
    private let byteCount: Int
    private let root: FileHandle

    /// Mounts one with room for so many bytes. Needs root.
    init(byteCount: Int) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("small-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await RunningCommand.run("mount", ["-t", "tmpfs", "-o", "size=\(byteCount)", "tmpfs", folder])
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try await RunningCommand.run("umount", ["--lazy", folder])
        guard descriptor >= 0 else { throw NeverHappened(description: "\(folder) can't be opened") }
        root = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        path = "/proc/\(getpid())/fd/\(descriptor)"
        self.byteCount = byteCount
    }

    /// Leaves so much room; nil: all that the images do not take.
    func leave(byteCount room: Int?) throws {
        let ballast = "\(path)/ballast"
        try? FileManager.default.removeItem(atPath: ballast)
        guard let room else { return }
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
        let free = (attributes[.systemFreeSize] as? NSNumber)?.intValue ?? 0
        try Data(repeating: 1, count: max(0, free - room)).write(to: URL(fileURLWithPath: ballast))
    }
}
