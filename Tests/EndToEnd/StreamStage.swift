import Foundation
import Testing

/// A folder, and two clusters where they are there: what tests of stream files need.
struct StreamStage: Sendable {
    let folder: String
    /// Every image of the test in a cluster is named so at its front; they are removed at its end.
    let prefix = "e2e-" + String(UInt32.random(in: .min ... .max), radix: 36) + "-"

    /// Lends a stage, and takes everything away afterwards.
    static func with(_ body: (StreamStage) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("rbd-ferry-streams-\(UUID().uuidString)").path
        let stage = StreamStage(folder: path)
        try FileManager.default.createDirectory(atPath: "\(path)/images", withIntermediateDirectories: true)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(stage))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: path)
        for cluster in [Cluster.first, Cluster.second].compactMap(\.self) {
            try await RunningCommand.run(
                "/usr/bin/python3", [SourceFolder.file("remove-images"), cluster.confPath, stage.prefix])
        }
        try result.get()
    }

    /// An image in the first cluster.
    func source(_ name: String = "vm") throws -> SiteImage {
        Place.ceph(try #require(Cluster.first)).image(prefix + name)
    }

    /// An image in the second cluster.
    func target(_ name: String = "vm") throws -> SiteImage {
        Place.ceph(try #require(Cluster.second)).image(prefix + name)
    }

    /// An image in a folder.
    func local(_ name: String = "vm") -> SiteImage { Place.directory("\(folder)/images").image(name) }

    /// The path of a file.
    func file(_ name: String) -> String { "\(folder)/\(name)" }

    /// The names of all files that were made, hidden ones too.
    func fileNames() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder) }

    /// Writes a file; its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}

/// The kinds of stores that an image can be imported into.
enum StreamTarget: String, CaseIterable, CustomTestStringConvertible {
    case directory
    case cluster

    var testDescription: String { rawValue }

    /// Those that are there.
    static var available: [StreamTarget] { Cluster.areThere ? allCases : [.directory] }

    func image(_ stage: StreamStage, _ name: String = "vm") throws -> SiteImage {
        switch self {
        case .directory: stage.local(name)
        case .cluster: try stage.target(name)
        }
    }
}

/// What an image is, as the stock tools see it: digests of its snapshots and of its head.
struct ImageState: Equatable, Sendable, CustomStringConvertible {
    let snapshots: [String: String]
    let head: String

    var description: String {
        let list = snapshots.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.prefix(8))" }
        return "[\(list.joined(separator: ", ")); head \(head.prefix(8))]"
    }
}

extension SiteImage {
    /// Digests of its snapshots and its head.
    func state() async throws -> ImageState {
        let names = try await snapshotNames()
        // All at once: the commands mostly wait for the cluster.
        let digests = try await withThrowingTaskGroup(of: (String?, String).self) { group in
            for name in names + [nil] { group.addTask { (name, try await digest(at: name)) } }
            return try await group.reduce(into: [String?: String]()) { $0[$1.0] = $1.1 }
        }
        let snapshots = names.reduce(into: [:]) { $0[$1] = digests[$1] }
        return ImageState(snapshots: snapshots, head: try #require(digests[nil]))
    }

    /// Whether there is an image of this name.
    func exists() async throws -> Bool {
        switch place {
        case .ceph(let cluster, _, _):
            return try await cluster.rbd("ls", "rbd").split(separator: "\n").contains(Substring(name))
        case .directory: return FileManager.default.fileExists(atPath: spec)
        }
    }

    /// Expects that nothing of an export is left with a source: no snapshot of ours, nothing protected.
    func expectReleased(location: SourceLocation = #_sourceLocation) async throws {
        guard case .ceph(let cluster, _, _) = place else { return }
        let list = try await cluster.rbd("snap", "ls", "--all", spec)
        #expect(!list.contains("ferry-export-"), "\(list)", sourceLocation: location)
        #expect(!list.contains(" yes"), "\(list)", sourceLocation: location)
    }
}
