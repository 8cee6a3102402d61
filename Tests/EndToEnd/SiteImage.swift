import Foundation

/// An image on one side of a test: made, changed and read with other tools than ours.
struct SiteImage: Sendable {
    let place: Place
    let name: String

    /// A change by another client; see `write-image`.
    enum Change: Sendable {
        /// Random bytes over a whole range.
        case write(seed: Int, offset: Int, byteCount: Int)
        /// Random bytes at so many random places, up to so many bytes each.
        case scatter(seed: Int, count: Int, byteCountMax: Int)
        /// Letters, which compress.
        case text(seed: Int, offset: Int, byteCount: Int)
        case zero(offset: Int, byteCount: Int)
        case discard(offset: Int, byteCount: Int)
        case resize(byteCount: Int)
        // In Ceph only.
        case snapshot(String)
        case protect(String)
        case metadata(key: String, value: String)
        /// Takes the exclusive lock, says so, and keeps it until a SIGTERM.
        case hold
        /// Says that it begins, and writes here and there until a SIGTERM.
        case torment(seed: Int, byteCountMax: Int)
        /// The same, so many times a second.
        case drizzle(seed: Int, byteCountMax: Int, perSecond: Int)

        fileprivate var text: String {
            switch self {
            case .write(let seed, let offset, let byteCount): "write:\(seed):\(offset):\(byteCount)"
            case .scatter(let seed, let count, let byteCountMax): "scatter:\(seed):\(count):\(byteCountMax)"
            case .text(let seed, let offset, let byteCount): "text:\(seed):\(offset):\(byteCount)"
            case .zero(let offset, let byteCount): "zero:\(offset):\(byteCount)"
            case .discard(let offset, let byteCount): "discard:\(offset):\(byteCount)"
            case .resize(let byteCount): "resize:\(byteCount)"
            case .snapshot(let name): "snapshot:\(name)"
            case .protect(let name): "protect:\(name)"
            case .metadata(let key, let value): "metadata:\(key):\(value)"
            case .hold: "hold"
            case .torment(let seed, let byteCountMax): "torment:\(seed):\(byteCountMax)"
            case .drizzle(let seed, let byteCountMax, let perSecond): "drizzle:\(seed):\(byteCountMax):\(perSecond)"
            }
        }
    }

    /// As the stock tools name it: `rbd/name`, `rbd/namespace/name`, or the path of its folder.
    var spec: String {
        switch place {
        case .ceph(_, let namespace, _): ["rbd", namespace, name].compactMap(\.self).joined(separator: "/")
        case .directory(let path): "\(path)/\(name)"
        }
    }

    /// Makes the image; `options` are those of `rbd create`.
    func create(byteCount: Int, options: [String] = []) async throws {
        switch place {
        case .ceph(let cluster, _, _):
            try await cluster.rbd(["create", "--size", "\(byteCount)B", spec] + options)
        case .directory:
            try FileManager.default.createDirectory(atPath: spec, withIntermediateDirectories: true)
            try Data().write(to: URL(fileURLWithPath: "\(spec)/head.raw"))
            try await change(.resize(byteCount: byteCount))
        }
    }

    /// Changes the image's head.
    func change(_ changes: Change...) async throws { try await change(changes) }

    /// Changes the image's head.
    func change(_ changes: [Change]) async throws {
        let (program, arguments) = changing(changes)
        try await RunningCommand.run(program, arguments)
    }

    /// Begins to change the image's head.
    func startChange(_ changes: Change..., secondsMax: Int = 180) throws -> RunningCommand {
        let (program, arguments) = changing(changes)
        return try RunningCommand(program, arguments, secondsMax: secondsMax)
    }

    private func changing(_ changes: [Change]) -> (program: String, arguments: [String]) {
        let target: String
        switch place {
        case .ceph(let cluster, _, _): target = "ceph:\(cluster.confPath):\(spec)"
        case .directory: target = "file:\(spec)/head.raw"
        }
        return ("/usr/bin/python3", [SourceFolder.file("write-image"), target] + changes.map(\.text))
    }

    /// The names of its snapshots, oldest first; none when there is no image.
    func snapshotNames() async throws -> [String] {
        switch place {
        case .ceph(let cluster, _, _):
            struct Entry: Decodable { var name: String }
            guard try await cluster.rbd("ls", poolSpec).split(separator: "\n").contains(Substring(name)) else {
                return []
            }
            let json = try await cluster.rbd("snap", "ls", "--format", "json", spec)
            return try JSONDecoder().decode([Entry].self, from: Data(json.utf8)).map(\.name)
        case .directory:
            let names = try? FileManager.default.contentsOfDirectory(atPath: "\(spec)/snapshots")
            return (names ?? []).filter { $0.hasSuffix(".raw") }.map { String($0.dropLast(4)) }.sorted()
        }
    }

    /// SHA-256 of all bytes of a snapshot, or of the head; read by stock tools.
    func digest(at snapshot: String?) async throws -> String {
        let script: String
        var arguments: [String]
        switch place {
        case .ceph(let cluster, _, _):
            script = "set -o pipefail; rbd -c \"$0\" export --no-progress \"$1\" - | sha256sum"
            arguments = [cluster.confPath, spec + (snapshot.map { "@\($0)" } ?? "")]
        case .directory:
            script = "sha256sum < \"$0\""
            arguments = [snapshot.map { "\(spec)/snapshots/\($0).raw" } ?? "\(spec)/head.raw"]
        }
        arguments.insert(contentsOf: ["-c", script], at: 0)
        return try await RunningCommand.run("bash", arguments)
    }

    /// Digests of all snapshots, by name.
    func digests() async throws -> [String: String] {
        var digests: [String: String] = [:]
        for name in try await snapshotNames() { digests[name] = try await digest(at: name) }
        return digests
    }

    /// Removes a Ceph image, its snapshots and their protection.
    func remove() async throws {
        guard case .ceph(let cluster, _, _) = place else { return }
        for snapshot in try await snapshotNames() {
            _ = try? await cluster.rbd("snap", "unprotect", "\(spec)@\(snapshot)")
        }
        _ = try? await cluster.rbd("snap", "purge", "--no-progress", spec)
        // The watch of an agent that was killed, or that the commands before left, stands in the way for some seconds.
        try await eventually("\(spec) can be removed", within: .seconds(40)) {
            do {
                try await cluster.rbd("rm", "--no-progress", spec)
                return true
            } catch let failure as RunningCommand.Failure where failure.description.contains("has watchers") {
                return false
            }
        }
    }

    private var poolSpec: String {
        guard case .ceph(_, let namespace?, _) = place else { return "rbd" }
        return "rbd/\(namespace)"
    }
}

/// The folder of this source file, which holds the tests' scripts.
enum SourceFolder {
    static func file(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name).path
    }
}
