import Control
import FerryCore
import Foundation
import Reporting
import Testing

@Suite("the control socket's file", .timeLimit(.minutes(1)))
struct SocketFileTests {
    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode : nil
    }

    @Test("is for its owner and group, and goes when the server stops")
    func lifetime() async throws {
        try await ServedAgent.withFolder { folder in
            let path = "\(folder)/agent.sock"
            let server = try await ServedAgent.bind(socketPath: path)
            #expect(mode(path) == S_IFSOCK | 0o660)
            await server.close()
            #expect(mode(path) == nil)
            let again = try await ServedAgent.bind(socketPath: path)
            let running = Task { await again.run() }
            running.cancel()
            await running.value
            #expect(mode(path) == nil)
        }
    }

    @Test("of a dead process is replaced")
    func stale() async throws {
        try await ServedAgent.withFolder { folder in
            let path = "\(folder)/agent.sock"
            try Self.leaveBehind(path)
            await #expect(throws: ControlClientError.noAgent(path: path)) {
                try await ControlClient(socketPath: path).status()
            }
            let server = try await ServedAgent.bind(socketPath: path)
            await server.close()
        }
    }

    @Test("of an agent that runs is left alone, and that agent too")
    func live() async throws {
        try await ServedAgent.run { served in
            let error = await #expect(throws: ControlServerError.self) {
                _ = try await ServedAgent.bind(socketPath: served.socketPath)
            }
            #expect(error == .locked(path: served.socketPath))
            #expect(error?.disposition == .locked)
            try await served.expectAnswers()
        }
    }

    @Test("is taken over by one of two agents that start at once")
    func race() async throws {
        try await ServedAgent.withFolder { folder in
            for round in 0..<20 {
                let path = "\(folder)/\(round).sock"
                try Self.leaveBehind(path)
                async let first = Self.outcome(of: path)
                async let second = Self.outcome(of: path)
                let servers = await [first, second].compactMap { try? $0.get() }
                #expect(servers.count == 1)
                for server in servers { await server.close() }
                #expect(mode(path) == nil)
            }
        }
    }

    private static func outcome(of path: String) async -> Result<ControlServer, ControlServerError> {
        do {
            return .success(try await ServedAgent.bind(port: nil, socketPath: path))
        } catch {
            return .failure(error)
        }
    }

    @Test("that belongs to another server by now is not removed")
    func successor() async throws {
        try await ServedAgent.withFolder { folder in
            let path = "\(folder)/agent.sock"
            let first = try await ServedAgent.bind(socketPath: path)
            unlink(path)
            let second = try await ServedAgent.bind(socketPath: path)
            await first.close()
            #expect(mode(path) != nil)
            await second.close()
            #expect(mode(path) == nil)
        }
    }

    @Test("is not made over another kind of file, in no folder, or with too long a path")
    func refusals() async throws {
        try await ServedAgent.withFolder { folder in
            let file = "\(folder)/notes"
            try Data("x".utf8).write(to: URL(fileURLWithPath: file))
            await Self.expect(.notASocket(path: file), .refused)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("x".utf8))
            await Self.expect(.folderMissing(path: "\(folder)/none/agent.sock"), .usage)
            let long = "\(folder)/\(String(repeating: "x", count: 100))"
            await Self.expect(.pathTooLong(path: long, byteCountMax: 107), .usage)
        }
    }

    private static func expect(_ expected: ControlServerError, _ disposition: Disposition) async {
        let path =
            switch expected {
            case .notASocket(let path), .folderMissing(let path), .pathTooLong(let path, _): path
            default: ""
            }
        let error = await #expect(throws: ControlServerError.self) {
            _ = try await ServedAgent.bind(socketPath: path)
        }
        #expect(error == expected)
        #expect(error?.disposition == disposition)
        #expect(error?.remedy.isEmpty == false)
    }

    @Test("is not made when the port is taken, and the port is free again when the socket can't be made")
    func both() async throws {
        try await ServedAgent.run { served in
            try await ServedAgent.withFolder { folder in
                let path = "\(folder)/agent.sock"
                let error = await #expect(throws: ControlServerError.self) {
                    _ = try await ServedAgent.bind(port: served.port, socketPath: path)
                }
                #expect(
                    error == .cannotListen(address: "127.0.0.1:\(served.port)", reason: "Address already in use"))
                #expect(mode(path) == nil)
                let probe = try await ServedAgent.bind(socketPath: nil)
                let port = try #require(probe.port)
                await probe.close()
                await #expect(throws: ControlServerError.self) {
                    _ = try await ServedAgent.bind(port: port, socketPath: "\(folder)/none/agent.sock")
                }
                await (try ServedAgent.bind(port: port, socketPath: nil)).close()
            }
        }
    }

    /// A socket's file as a process leaves it that was killed.
    private static func leaveBehind(_ path: String) throws {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }
}
