import Control
import FerryCore
import Foundation
import Reporting
import Testing

@Suite("clients that take more than their share", .timeLimit(.minutes(1)))
struct BoundTests {
    @Test("a body that is too long is refused, announced or not")
    func longBody() async throws {
        var limits = ControlLimits()
        limits.bodyByteCountMax = 100
        try await ServedAgent.run(limits: limits) { served in
            let request = SyncRequest(images: [String(repeating: "x", count: 200)])
            for isWaiting in [false, true] {
                let error = await #expect(throws: ControlClientError.self) {
                    try await served.client.sync(request, isWaiting: isWaiting)
                }
                #expect(error?.disposition == .usage)
                #expect(error?.cause == "the request is longer than 100 bytes")
            }
            let chunk = "c8\r\n\(String(repeating: "x", count: 200))\r\n0\r\n\r\n"
            let answer = try await served.socket.connect { connection in
                try await connection.send("POST /api/sync HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
                try await connection.send("Transfer-Encoding: chunked\r\n\r\n\(chunk)")
                return try await connection.readToEnd()
            }
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            #expect(served.agent.asked.isEmpty)
        }
    }

    @Test("headers that are too long end the connection")
    func longHeaders() async throws {
        try await ServedAgent.run { served in
            let long = String(repeating: "x", count: 20_000)
            let answer = try await served.tcp.ask("GET", "/healthz", headers: ["X-Long: \(long)"])
            #expect(!answer.contains("200 OK"))
            #expect(try await served.tcp.ask("GET", "/healthz").contains("200 OK"))
        }
    }

    @Test(
        "a client that says nothing, or stops in the middle, is dropped",
        arguments: [
            "", "GET /heal", "GET /healthz HTTP/1.1\r\nHost: a\r\n",
            "POST /api/sync HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        ])
    func silence(_ beginning: String) async throws {
        var limits = ControlLimits()
        limits.idleTimeout = .milliseconds(50)
        try await ServedAgent.run(limits: limits) { served in
            let answer = try await served.socket.connect { connection in
                if !beginning.isEmpty { try await connection.send(beginning) }
                return try await connection.readToEnd()
            }
            #expect(!answer.contains("200"))
            try await eventually { (try? await served.client.status()) == .example }
        }
    }

    @Test("a client that never stops speaking is dropped")
    func trickle() async throws {
        var limits = ControlLimits()
        limits.transferTimeout = .milliseconds(100)
        try await ServedAgent.run(limits: limits) { served in
            try await served.socket.connect { connection in
                try await connection.send("POST /api/sync HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
                while (try? await connection.send("{")) != nil { try await Task.sleep(for: .milliseconds(5)) }
            }
            try await served.expectAnswers()
        }
    }

    @Test(
        "a client that does not read its answer is dropped, whether it asks for more or not",
        arguments: [(1, idle: 50, transfer: 60_000), (3, idle: 60_000, transfer: 50)])
    func noReader(_ requestCount: Int, idle: Int, transfer: Int) async throws {
        var limits = ControlLimits()
        limits.idleTimeout = .milliseconds(idle)
        limits.transferTimeout = .milliseconds(transfer)
        limits.connectionCountMax = 1
        try await ServedAgent.run(FakeAgent(.large), limits: limits) { served in
            try await served.socket.connect { connection in
                let request = RawConnection.request("GET", "/api/status", headers: ["X-Test: 1"])
                try await connection.send(String(repeating: request, count: requestCount))
                try await eventually { (try? await served.socket.ask("GET", "/healthz"))?.contains("200 OK") == true }
            }
        }
    }

    @Test("connections over the limit are closed at once, and there is room when others end")
    func tooMany() async throws {
        var limits = ControlLimits()
        limits.connectionCountMax = 1
        try await ServedAgent.run(limits: limits) { served in
            try await served.socket.connect { connection in
                try await connection.send("GET ")
                await #expect(throws: ControlClientError.cut(path: served.socketPath)) {
                    try await served.client.status()
                }
                #expect(try await served.tcp.ask("GET", "/healthz").contains("200 OK"), "each address has its own")
            }
            try await eventually { (try? await served.client.status()) == .example }
        }
    }

    @Test("a client that goes away ends its waiting, and not the run")
    func waiterGone() async throws {
        try await ServedAgent.run { served in
            let waiting = Task { try await served.client.sync(SyncRequest(images: []), isWaiting: true) }
            await served.agent.someoneWaits()
            waiting.cancel()
            let result = await waiting.result
            #expect(throws: ControlClientError.cancelled) { try result.get() }
            try await eventually { served.agent.state.withLock { $0.abandonedCount } == 1 }
            #expect(!served.agent.state.withLock { $0.isRunEnded })
            try await served.expectAnswers()
        }
    }

    @Test("a client that waits for longer than it wants to hears so")
    func timeout() async throws {
        try await ServedAgent.run { served in
            let error = ControlClientError.timedOut(path: served.socketPath, after: .milliseconds(50))
            await #expect(throws: error) {
                try await served.client.sync(SyncRequest(images: []), isWaiting: true, timeout: .milliseconds(50))
            }
            #expect(error.disposition == .timedOut)
        }
    }

    @Test("a run takes longer than all other deadlines, and its client still hears how it ended")
    func longRun() async throws {
        var limits = ControlLimits()
        limits.idleTimeout = .seconds(1)
        limits.transferTimeout = .seconds(1)
        try await ServedAgent.run(limits: limits) { served in
            async let reply = served.client.sync(SyncRequest(images: []), isWaiting: true)
            await served.agent.someoneWaits()
            try await Task.sleep(for: .seconds(2))
            served.agent.endRun()
            #expect(try await reply == [.ended])
        }
    }

    @Test("who waits when the server stops is told so")
    func stopping() async throws {
        try await ServedAgent.withFolder { folder in
            let (agent, path) = (FakeAgent(), "\(folder)/agent.sock")
            let server = try await ServedAgent.bind(agent, socketPath: path)
            let running = Task { await server.run() }
            let client = ControlClient(socketPath: path)
            let waiting = Task { try await client.sync(SyncRequest(images: []), isWaiting: true) }
            await agent.someoneWaits()
            running.cancel()
            await running.value
            let result = await waiting.result
            let error = #expect(throws: ControlClientError.self) { try result.get() }
            #expect(error?.disposition == .temporary)
            await #expect(throws: ControlClientError.noAgent(path: path)) { try await client.status() }
        }
    }
}

/// Looks again until it holds; the suite's time limit ends it.
private func eventually(_ holds: () async throws -> Bool) async throws {
    while try await !holds() { try await Task.sleep(for: .milliseconds(5)) }
}
