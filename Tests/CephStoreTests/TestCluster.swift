import CephStore
import Foundation
import ImageStore
import TestSupport

/// A cluster for tests, as `Tests/minicluster` starts one: its pool `rbd` is ours.
struct TestCluster: Sendable {
    let confPath: String

    /// The cluster whose `ceph.conf` is named by the environment; nil when there is none.
    static let first = ProcessInfo.processInfo.environment["RBD_FERRY_TEST_CEPH_A"].map(TestCluster.init)
    static var isThere: Bool { first != nil }

    struct Missing: Error {}

    static func get() throws -> TestCluster {
        guard let first else { throw Missing() }
        return first
    }

    func location(namespace: String? = nil, dataPool: String? = nil) -> CephLocation {
        CephLocation(confPath: confPath, user: "admin", pool: "rbd", namespace: namespace, dataPool: dataPool)
    }

    func open(namespace: String? = nil, dataPool: String? = nil) async throws -> CephStore {
        try await CephStore.open(location(namespace: namespace, dataPool: dataPool))
    }

    /// Lends a store and closes it afterwards.
    func withStore<Result>(
        namespace: String? = nil, dataPool: String? = nil, _ body: (CephStore) async throws -> Result
    ) async throws -> Result {
        let store = try await open(namespace: namespace, dataPool: dataPool)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// The cluster's configuration with one line changed.
    func configuration(replacing prefix: String, with line: String) throws -> String {
        try String(contentsOfFile: confPath, encoding: .utf8).split(separator: "\n")
            .map { $0.hasPrefix(prefix) ? line : String($0) }.joined(separator: "\n") + "\n"
    }

    /// Makes a user with `profile rbd` at the monitors and these rights at the OSDs; the location for it in the pool
    /// `rbd`, and the files that the caller removes.
    func makeUser(osd: String, namespace: String?) async throws -> (location: CephLocation, files: [String]) {
        let user = Self.freshName("user")
        let keyring = "/dev/shm/" + Self.freshName("keyring")
        let conf = keyring + ".conf"
        try await ceph("auth", "get-or-create", "client.\(user)", "mon", "profile rbd", "osd", osd, "-o", keyring)
        try configuration(replacing: "keyring = ", with: "keyring = \(keyring)")
            .write(toFile: conf, atomically: true, encoding: .utf8)
        let location = CephLocation(confPath: conf, user: user, pool: "rbd", namespace: namespace)
        return (location, [keyring, conf])
    }

    /// A name that no other image has.
    static func freshName(_ what: String) -> String {
        "\(what)-" + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// The stock `rbd`, our oracle.
    @discardableResult
    func rbd(_ arguments: String...) async throws -> String {
        try await run("rbd", ["-c", confPath] + arguments)
    }

    /// The stock `ceph`.
    @discardableResult
    func ceph(_ arguments: String...) async throws -> String {
        try await run("ceph", ["-c", confPath] + arguments)
    }

    /// Blocklists all connections of a user, as an operator does, or a client that takes a lock over.
    func cutOff(user: String) async throws {
        let sessions = try MonitorSessions(json: try await ceph("tell", "mon.a", "sessions", "--format", "json"))
        for address in sessions.addresses(of: "client.\(user)") {
            try await ceph("osd", "blocklist", "add", address, "600")
        }
    }

    /// All bytes of an image or a snapshot, as the stock `rbd` reads them.
    func export(_ spec: String) async throws -> [UInt8] {
        let path = "/dev/shm/" + Self.freshName("rbd-ferry-export")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await rbd("export", "--no-progress", spec, path)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Removes an image, its snapshots and their protection; what is left of it when that fails is not our concern.
    func discard(_ spec: String) async {
        let script = """
            rbd -c "$0" snap ls --format json "$1" | /usr/bin/python3 -c \
            'import json,sys; [print(s["name"]) for s in json.load(sys.stdin)]' \
            | while read -r name; do rbd -c "$0" snap unprotect "$1@$name"; done
            rbd -c "$0" snap purge --no-progress "$1"; rbd -c "$0" rm --no-progress "$1"
            """
        _ = try? await run("sh", ["-c", script, confPath, spec])
    }

    struct CommandFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a command to its end; its output when it ends well, an error with its messages otherwise.
    func run(_ command: String, _ arguments: [String]) async throws -> String {
        let directory = FileManager.default.temporaryDirectory
        let files = ["out", "err"].map { directory.appendingPathComponent(Self.freshName("rbd-ferry-\($0)")) }
        defer { for file in files { try? FileManager.default.removeItem(at: file) } }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardInput = FileHandle.nullDevice
        for file in files { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        guard process.terminationStatus == 0 else {
            let message = try String(contentsOf: files[1], encoding: .utf8)
            throw CommandFailure(
                description: "\(command) \(arguments) ended with \(process.terminationStatus): \(message)")
        }
        return try String(contentsOf: files[0], encoding: .utf8)
    }
}
