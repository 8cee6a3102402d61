import Control
import FerryCore
import Foundation
import Reporting
import Testing

@Suite("what an agent's server answers", .timeLimit(.minutes(1)))
struct RouteTests {
    @Test("health is one word, by TCP and through the socket, for GET and HEAD")
    func healthy() async throws {
        try await ServedAgent.run { served in
            for address in [served.tcp, served.socket] {
                let answer = try await address.ask("GET", "/healthz")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nok\n"))
                let head = try await address.ask("HEAD", "/healthz")
                #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
            }
        }
    }

    @Test("an agent that is not healthy says why, a problem a line")
    func unhealthy() async throws {
        var status = AgentStatus.example
        status.problems = ["the cluster does not answer", "no\nspace"]
        try await ServedAgent.run(FakeAgent(status)) { served in
            let answer = try await served.tcp.ask("GET", "/healthz")
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            #expect(answer.hasSuffix("\r\n\r\nthe cluster does not answer\nno?space\n"))
        }
    }

    @Test("metrics are what Prometheus reads")
    func metrics() async throws {
        try await ServedAgent.run { served in
            let answer = try await served.tcp.ask("GET", "/metrics")
            #expect(answer.lowercased().contains("content-type: text/plain; version=0.0.4"))
            #expect(answer.hasSuffix("\r\n\r\n" + PrometheusText.text(.example)))
        }
    }

    @Test(
        "the status names all images, or those that one of the patterns names",
        arguments: [
            ([], ["vm-1", "vm-2", "db [1] & é"]), (["vm-2"], ["vm-2"]), (["vm-*"], ["vm-1", "vm-2"]),
            (["db [1] & é"], ["db [1] & é"]), (["vm-1", "db*"], ["vm-1", "db [1] & é"]), (["x"], []),
        ] as [([String], [String])])
    func status(_ patterns: [String], _ images: [String]) async throws {
        try await ServedAgent.run { served in
            var expected = AgentStatus.example
            expected.images = expected.images.filter { images.contains($0.image) }
            let status = try await served.client.status(patterns)
            #expect(status == expected)
        }
    }

    @Test("a large status arrives whole, and not where the limit is less")
    func largeStatus() async throws {
        try await ServedAgent.run(FakeAgent(.large)) { served in
            let status = try await served.client.status(timeout: .seconds(60))
            #expect(status == .large)
            let client = ControlClient(socketPath: served.socketPath, replyByteCountMax: 1 << 20)
            let reason = "the reply is longer than 1048576 bytes"
            await #expect(throws: ControlClientError.notUnderstood(path: served.socketPath, reason: reason)) {
                try await client.status(timeout: .seconds(60))
            }
        }
    }

    @Test("a wish for runs is handed on, whether anybody waits or not")
    func sync() async throws {
        try await ServedAgent.run { served in
            let request = SyncRequest(images: ["vm-*", "é"], peer: "b")
            let reply = try await served.client.sync(request, isWaiting: false)
            #expect(reply == [SyncReply(image: "vm-1", peer: "b", wasJoined: false)])
            served.agent.endRun()
            #expect(try await served.client.sync(request, isWaiting: true) == [.ended])
            let asked = [false, true].map { FakeAgent.Asked(request: request, isWaiting: $0) }
            #expect(served.agent.asked == asked)
        }
    }

    @Test(
        "what the agent refuses reaches the client with cause, remedy and disposition",
        arguments: [.temporary, .permanent, .refused, .locked, .unauthorized, .usage, .differs, .timedOut]
            as [Disposition])
    func refusal(_ disposition: Disposition) async throws {
        try await ServedAgent.run { served in
            served.agent.state.withLock { $0.refusal = FakeFailure(disposition: disposition) }
            for isWaiting in [false, true] {
                let error = await #expect(throws: ControlClientError.self) {
                    try await served.client.sync(SyncRequest(images: []), isWaiting: isWaiting)
                }
                #expect(error?.disposition == disposition)
                #expect(error?.cause == "it's no ?[31mimage")
                #expect(error?.remedy == "name one")
            }
        }
    }

    @Test("runs can't be asked for by TCP")
    func syncByTCP() async throws {
        try await ServedAgent.run { served in
            for path in ["/api/sync", "/api/sync?wait=1"] {
                let answer = try await served.tcp.ask("POST", path, body: #"{"images":[]}"#)
                #expect(answer.hasPrefix("HTTP/1.1 403 "))
                #expect(try Self.document(answer)["disposition"] == "unauthorized")
                #expect(try Self.document(answer)["remedy"]?.contains("sync now") == true)
            }
            #expect(served.agent.asked.isEmpty)
        }
    }

    @Test("nothing at a path, or not by this method, is 404 with a document", arguments: ["GET", "POST", "DELETE"])
    func notFound(_ method: String) async throws {
        try await ServedAgent.run { served in
            for path in ["/", "/api", "/healthz/x", "/%00", "/../etc/passwd"] {
                let answer = try await served.socket.ask(method, path)
                #expect(answer.hasPrefix("HTTP/1.1 404 "), "\(path)")
                #expect(try Self.document(answer)["disposition"] == "usage")
            }
            #expect(try await served.socket.ask("GET", "/api/sync").hasPrefix("HTTP/1.1 404 "))
            #expect(try await served.socket.ask("POST", "/metrics").hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test(
        "a wish that is no document as expected is refused",
        arguments: ["", "x", "[]", "{}", #"{"images": "vm"}"#, #"{"images": [1]}"#, "\u{0}"])
    func malformed(_ body: String) async throws {
        try await ServedAgent.run { served in
            let answer = try await served.socket.ask("POST", "/api/sync", body: body)
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            #expect(try Self.document(answer)["disposition"] == "usage")
            #expect(served.agent.asked.isEmpty)
        }
    }

    @Test("two requests go over one connection")
    func keepAlive() async throws {
        try await ServedAgent.run { served in
            let answer = try await served.tcp.connect { connection in
                let first = RawConnection.request("GET", "/healthz", headers: ["X-Test: 1"])
                try await connection.send(first + RawConnection.request("GET", "/healthz"))
                return try await connection.readToEnd()
            }
            #expect(answer.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
        }
    }

    private static func document(_ answer: String) throws -> [String: String] {
        let body = answer.components(separatedBy: "\r\n\r\n").dropFirst().joined()
        return try JSONDecoder().decode([String: String].self, from: Data(body.utf8))
    }
}
