import Foundation

/// A folder to put stores in. Gone with its last reference, whether tests passed or not.
final class TestFileSystem: Sendable {
    let path: String
    private let root: FileHandle?

    private init(path: String, root: FileHandle?) {
        self.path = path
        self.root = root
    }

    deinit {
        if root == nil { try? FileManager.default.removeItem(atPath: path) }
    }

    /// A folder on the file system that temporary files are on.
    static func plain() throws -> TestFileSystem {
        TestFileSystem(path: try makeFolder(), root: nil)
    }

    /// XFS with reflinks; nil where it can't be mounted.
    static let xfs = try? mounted("mkfs.xfs", ["-q", "-m", "reflink=1"])
    /// btrfs; nil where it can't be mounted.
    static let btrfs = try? mounted("mkfs.btrfs", ["-q", "-f"])

    /// A file system in memory of 8 MiB, to run out of room on; nil where it can't be mounted.
    static func tiny() -> TestFileSystem? {
        try? detached { folder in try run("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]) }
    }

    /// A new folder in this one.
    func makeFolder(_ name: String = UUID().uuidString) throws -> String {
        let folder = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func mounted(_ program: String, _ arguments: [String]) throws -> TestFileSystem {
        try detached { folder in
            let image = folder + ".img"
            defer { try? FileManager.default.removeItem(atPath: image) }
            try Data().write(to: URL(filePath: image))
            try FileHandle(forUpdating: URL(filePath: image)).truncate(atOffset: 1 << 32)
            try run(program, arguments + [image])
            try run("mount", ["-o", "loop", image, folder])
        }
    }

    /// Mounts something and takes its name away at once: it lives on through the open folder only, so that nothing
    /// stays mounted when the process ends, however it ends.
    private static func detached(_ mount: (String) throws -> Void) throws -> TestFileSystem {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try mount(folder)
        defer { try? run("umount", ["--lazy", folder]) }
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CocoaError(.fileReadUnknown) }
        let root = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        return TestFileSystem(path: "/proc/self/fd/\(descriptor)", root: root)
    }

    private static func makeFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rbd-ferry-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }
}
