import Control
import Foundation
import Logging
import Reporting
import SecureTransport
import Testing

/// An agent behind a server that listens on 127.0.0.1 and on a socket in a temporary folder.
struct ServedAgent {
    let agent: FakeAgent
    let port: Int
    let socketPath: String

    var client: ControlClient { ControlClient(socketPath: socketPath) }
    var tcp: RawAddress { .tcp(port: port) }
    var socket: RawAddress { .socket(path: socketPath) }

    /// Expects that others are served.
    func expectAnswers() async throws {
        let status = try await client.status(timeout: .seconds(30))
        #expect(status == .example)
    }

    /// Runs `body` while a server runs, then stops the server.
    static func run(
        _ agent: FakeAgent = FakeAgent(), limits: ControlLimits = ControlLimits(),
        _ body: (ServedAgent) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let path = "\(folder)/agent.sock"
            let server = try await bind(agent, socketPath: path, limits: limits)
            let running = Task { await server.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(ServedAgent(agent: agent, port: server.port ?? 0, socketPath: path)))
            } catch {
                result = .failure(error)
            }
            running.cancel()
            await running.value
            try result.get()
        }
    }

    static func bind(
        _ agent: FakeAgent = FakeAgent(), port: Int? = 0, socketPath: String?, limits: ControlLimits = ControlLimits()
    ) async throws(ControlServerError) -> ControlServer {
        try await ControlServer.bind(
            agent, address: port.map { HostAndPort(host: "127.0.0.1", port: $0) }, socketPath: socketPath,
            limits: limits, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A folder with a path short enough for sockets, removed at the end.
    static func withFolder(_ body: (String) async throws -> Void) async throws {
        let name = "ctl-\(UInt32.random(in: 0 ... .max))"
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.path)
    }
}
