import Foundation

extension SiteImage {
    private struct Info: Decodable { var id: String }
    private struct Snapshot: Decodable {
        var name: String
        var protected: String
    }
    private struct Locker: Decodable { var locker: String }
    private struct Status: Decodable {
        struct Watcher: Decodable { var address: String }
        var watchers: [Watcher]
    }
    private struct Lease: Decodable {
        struct Holder: Decodable { var name: String }
        var lockers: [Holder]
    }
    private struct SenderState: Decodable {
        struct Pin: Decodable { var name: String }
        struct InFlight: Decodable { var own: Bool }
        var pins: [Pin]
        var inFlight: InFlight?
    }

    /// What no image of a Ceph cluster should have while nobody works on it: pins, locks, watches, a lease, a
    /// checkpoint, and a transfer that is under way.
    func leftBehind() async throws -> [String] {
        guard case .ceph(let cluster, _, _) = place else { return [] }
        return try await pins(cluster) + locks(cluster) + notes(cluster)
    }

    private func pins(_ cluster: Cluster) async throws -> [String] {
        let snapshots = try Self.decode([Snapshot].self, try await cluster.rbd("snap", "ls", "--format", "json", spec))
        return snapshots.filter { $0.protected == "true" }.map { "\($0.name) is protected" }
    }

    private func locks(_ cluster: Cluster) async throws -> [String] {
        let locks = try Self.decode([Locker].self, try await cluster.rbd("lock", "ls", "--format", "json", spec))
        let status = try Self.decode(Status.self, try await cluster.rbd("status", "--format", "json", spec))
        let info = try Self.decode(Info.self, try await cluster.rbd("info", "--format", "json", spec))
        let lease = try await RunningCommand.run(
            "rados",
            ["-c", cluster.confPath, "-p", "rbd", "lock", "info", "rbd_header.\(info.id)", "rbd-ferry.sender"]
                + ["--format", "json"])
        return locks.map { "\($0.locker) has the lock" }
            + status.watchers.map { "\($0.address) watches it" }
            + (try Self.decode(Lease.self, lease).lockers.map { "\($0.name) has the lease" })
    }

    private func notes(_ cluster: Cluster) async throws -> [String] {
        let text = try await cluster.rbd("image-meta", "list", "--format", "json", spec)
        // Of an image without any, nothing is printed.
        guard !text.isEmpty else { return [] }
        var notes: [String] = []
        for (key, value) in try JSONDecoder().decode([String: String].self, from: Data(text.utf8)) {
            if key == "rbd-ferry.checkpoint" { notes.append("a checkpoint") }
            guard key.hasPrefix("rbd-ferry.peer.") else { continue }
            let state = try Self.decode(SenderState.self, value)
            notes += state.pins.map { "a note that \($0.name) is pinned" }
            if state.inFlight != nil { notes.append("a transfer under way") }
        }
        return notes
    }

    private static func decode<Document: Decodable>(_ type: Document.Type, _ text: String) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(text.utf8))
    }
}

extension Stage {
    /// What is left behind at both ends, once what goes by itself is gone: the receiver may be at work on old snapshots
    /// when the sender has long heard of the commit, and the stock tools leave a watch of their own now and then, which
    /// goes after the 10 s of `forgetDeadClients`. A lease that nobody gave back goes after 30 s: a limit below finds it.
    func leftBehind(_ name: String = "vm", within limit: Duration = .seconds(15)) async throws -> [String] {
        var left: [String] = []
        do {
            try await eventually("nothing is left behind", within: limit) {
                left =
                    try await sourceImage(name).leftBehind().map { "source: \($0)" }
                    + mirrorImage(name).leftBehind().map { "mirror: \($0)" }
                return left.isEmpty
            }
        } catch is NeverHappened {
            return left
        }
        return []
    }
}
