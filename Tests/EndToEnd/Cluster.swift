import Foundation
import Glibc
import TestSupport

/// A cluster for tests, as `Tests/minicluster` starts one: its pool `rbd` is ours.
struct Cluster: Sendable {
    let confPath: String

    /// The source's cluster; nil when the environment names none.
    static let first = find("RBD_FERRY_TEST_CEPH_A")
    /// The mirror's cluster; nil when the environment names none.
    static let second = find("RBD_FERRY_TEST_CEPH_B")
    /// Whether both are there.
    static var areThere: Bool { first != nil && second != nil }

    private static func find(_ variable: String) -> Cluster? {
        ProcessInfo.processInfo.environment[variable].map { Cluster(confPath: $0) }
    }

    /// The stock `rbd`, our oracle.
    @discardableResult
    func rbd(_ arguments: String...) async throws -> String { try await rbd(arguments) }

    /// The stock `rbd`, our oracle.
    @discardableResult
    func rbd(_ arguments: [String]) async throws -> String {
        try await RunningCommand.run("rbd", ["-c", confPath] + arguments)
    }

    /// The stock `ceph`.
    @discardableResult
    func ceph(_ arguments: String...) async throws -> String {
        try await RunningCommand.run("ceph", ["-c", confPath] + arguments)
    }

    /// Kills its only OSD as a power cut would, and starts it again.
    func restartOSD() async throws {
        let folder = URL(fileURLWithPath: confPath).deletingLastPathComponent().path
        try await RunningCommand.run(SourceFolder.file("../minicluster"), ["restart-osd", folder])
    }

    /// The process of its only OSD.
    func osdProcessID() throws -> Int32 {
        let file = URL(fileURLWithPath: confPath).deletingLastPathComponent().appendingPathComponent("osd.0.pid")
        let text = try String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let number = Int32(text) else { throw NeverHappened(description: "no number in \(file.path)") }
        return number
    }

    /// Stops its only OSD for a while, as a host does whose disks hang.
    ///
    /// At the end it is marked down, as other OSDs would have done: one that is alone does not take up again what came
    /// while its leases on reads had run out.
    func stopOSD(for duration: Duration) async throws {
        let osd = try osdProcessID()
        kill(osd, SIGSTOP)
        // The cluster's own time, not a wait for something that could be asked. Cut short, it must still go on.
        try? await Task.sleep(for: duration)
        let marking = Result { try RunningCommand("ceph", ["-c", confPath, "osd", "down", "0"]) }
        _ = try? await marking.get().outcome()
        kill(osd, SIGCONT)
        _ = try marking.get()
    }

    /// Blocklists all clients that are connected, as an operator does, or a client that takes a lock over; their number.
    func cutOffClients() async throws -> Int {
        let sessions = try MonitorSessions(json: try await ceph("tell", "mon.a", "sessions", "--format", "json"))
        let addresses = sessions.addresses(of: "client.")
        for address in addresses { try await ceph("osd", "blocklist", "add", address, "600") }
        return addresses.count
    }

    /// Why there is no room.
    enum Shortage: String, CaseIterable, Sendable {
        /// The pool has used up its quota.
        case quota
        /// The OSD is as full as it may be.
        case disk
    }

    /// Takes all room away, or gives it back; returns when its OSD knows.
    func setFull(_ isFull: Bool, _ shortage: Shortage) async throws {
        switch shortage {
        case .quota:
            try await ceph("osd", "pool", "set-quota", "rbd", "max_bytes", isFull ? "1" : "0")
        case .disk:
            // Each has to be below the next at any time.
            let ratios = [
                ("nearfull", "0.85", "0.0001"), ("backfillfull", "0.9", "0.0002"), ("full", "0.95", "0.0003"),
            ]
            for (name, usual, tiny) in isFull ? ratios : ratios.reversed() {
                try await ceph("osd", "set-\(name)-ratio", isFull ? tiny : usual)
            }
        }
        try await eventually("the pool is \(isFull ? "full" : "no longer full")") {
            try await ceph("osd", "pool", "ls", "detail").contains(",full") == isFull
        }
    }
}
