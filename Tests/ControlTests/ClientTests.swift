import Control
import FerryCore
import Foundation
import Reporting
import Testing

@Suite("a client of something that is no agent", .timeLimit(.minutes(1)))
struct ClientTests {
    @Test("nothing there, or no folder: no agent")
    func missing() async throws {
        try await ServedAgent.withFolder { folder in
            for path in ["\(folder)/agent.sock", "\(folder)/none/agent.sock"] {
                let error = await Self.failure(path)
                #expect(error == .noAgent(path: path))
                #expect(error?.disposition == .temporary)
            }
        }
    }

    @Test("a path that no socket can have")
    func longPath() async {
        let path = "/" + String(repeating: "x", count: 200)
        #expect(await Self.failure(path) == .failed(path: path, reason: "the path is longer than 107 bytes"))
    }

    @Test(
        "an answer that stops in the middle is cut off",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
    func cut(_ text: String) async throws {
        try await Self.served(saying: text, hangsUp: true) { path, error in #expect(error == .cut(path: path)) }
    }

    @Test(
        "an answer that is not an agent's is not understood",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\u{1B}x", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        ])
    func strange(_ text: String) async throws {
        try await Self.served(saying: text, hangsUp: false) { _, error in
            #expect(error?.disposition == .permanent)
            #expect(error?.cause.contains("\u{1B}") == false)
        }
    }

    @Test("one that never answers is given up on")
    func silent() async throws {
        try await Self.served(saying: "", hangsUp: false, timeout: .milliseconds(50)) { path, error in
            #expect(error == .timedOut(path: path, after: .milliseconds(50)))
        }
    }

    private static func served(
        saying text: String, hangsUp: Bool, timeout: Duration = .seconds(30),
        _ check: (String, ControlClientError?) -> Void
    ) async throws {
        try await ServedAgent.withFolder { folder in
            let path = "\(folder)/agent.sock"
            try await RawServer.run(at: path, saying: text, hangsUp: hangsUp) {
                check(path, await failure(path, timeout: timeout))
            }
        }
    }

    private static func failure(_ path: String, timeout: Duration = .seconds(30)) async -> ControlClientError? {
        await #expect(throws: ControlClientError.self) {
            try await ControlClient(socketPath: path).status(timeout: timeout)
        }
    }
}
