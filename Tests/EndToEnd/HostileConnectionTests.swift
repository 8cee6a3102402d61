import Foundation
import Glibc
import OpenSSL
import SecureTransport
import Testing

extension EndToEnd {
    @Suite("Connections that should not be let in", .serialized, .timeLimit(.minutes(3)))
    struct HostileConnectionTests {
        @Test("2,000 that never speak: a good client is served beside them, and memory stays bounded")
        func silence() async throws {
            try await UsageStage.with { stage in
                try raiseFileLimit()
                let receiver = try await stage.startHostileReceiver()
                try await stage.expectGoodSync("before", to: receiver.port)
                let memory = PeakMemory(of: receiver.command)
                let before = try PeakMemory.current(of: receiver.command.processID)
                let crowd = Crowd(count: 2000, port: receiver.port, hello: try clientHello(stage))
                try await stage.expectGoodSync("beside", to: receiver.port, byteCount: 24 << 20)
                try await eventually("all have been opened") { crowd.openedCount == 2000 }
                try await stage.expectGoodSync("after", to: receiver.port)
                let status = try await receiver.status()
                let descriptors = try FileManager.default.contentsOfDirectory(
                    atPath: "/proc/\(receiver.command.processID)/fd")
                crowd.close()
                let grownBy = max(0, memory.byteCount - before) >> 20
                print(
                    """
                    2,000 silent connections: \(status.refusedConnectionCount) dropped, \(descriptors.count) files open, \
                    the receiver's memory grew by \(grownBy) MiB at most
                    """)
                #expect(status.refusedConnectionCount >= 1700)
                #expect(descriptors.count < 250)
                #expect(grownBy < 96)
                let lines = stage.logLines(of: receiver, with: "refused")
                #expect(lines.count < 200, "strangers do not fill the log")
                #expect(lines.contains { $0.contains("too many connections whose peers have not said who they are") })
            }
        }

        @Test("another host's thousands do not touch a client that takes its time")
        func otherHost() async throws {
            try await UsageStage.with { stage in
                try raiseFileLimit()
                let receiver = try await stage.startHostileReceiver()
                // It has connected, and not begun its handshake, when the others come.
                let slow = try LoopbackSocket.connect(to: receiver.port)
                let crowd = Crowd(count: 600, port: receiver.port, hello: [], source: 0x7F00_0002)
                try await eventually("all have been opened") { crowd.openedCount == 600 }
                try await eventually("those too many are dropped") {
                    try await receiver.status().refusedConnectionCount >= 400
                }
                let connection = try TLSConnection(
                    client: clientContext(stage), serverName: "receiver.site-b")
                let hello = firstFlight(of: connection)
                #expect(LoopbackSocket.send(hello[...], to: slow))
                var answer = [UInt8](repeating: 0, count: 4096)
                #expect(recv(slow, &answer, answer.count, 0) > 0, "the receiver answers it still")
                close(slow)
                crowd.close()
            }
        }

        @Test("more connections than a client may have: told so, and another client is served")
        func quota() async throws {
            try await UsageStage.with { stage in
                try stage.certificates.issue("other", .init(alternativeNames: "DNS:other.site-c", usage: "clientAuth"))
                let receiver = try await stage.startHostileReceiver(
                    clients: """
                        {identity: sender.site-a, images: ["*"]}
                          - {identity: other.site-c, images: ["*"], prefix: c-, connections-max: 2}
                        """)
                var held: [HostileClient] = []
                for _ in 0..<2 {
                    held.append(try await HostileClient.greeted(stage, to: receiver.port, certificate: "other"))
                }
                let third = try await HostileClient.connect(stage, to: receiver.port, certificate: "other")
                let fault = try await third.fault()
                #expect(fault?.disposition == .temporary)
                #expect(fault?.cause.contains("client other.site-c has as many connections") == true)
                try await stage.expectGoodSync("vm", to: receiver.port)
                for client in held { await client.close() }
                try await eventually("there is room again") {
                    try await receiver.status().clients?.last?.connectionCount == 0
                }
                await (try HostileClient.greeted(stage, to: receiver.port, certificate: "other")).close()
            }
        }

        @Test("more than a receiver serves at all: told so, and no client waits for strangers to go")
        func full() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver("connections-max: 1")
                let crowd = Crowd(count: 100, port: receiver.port, hello: [])
                try await eventually("all have been opened") { crowd.openedCount == 100 }
                let first = try await HostileClient.greeted(stage, to: receiver.port)
                let fault = try await HostileClient.connect(stage, to: receiver.port).fault()
                #expect(fault?.cause == "the receiver serves as many connections as it may, 1")
                try await stage.makeSource("vm")
                let refused = try await stage.syncOnce("vm", to: receiver.port)
                #expect(refused.status == 75 && refused.errors.contains("serves as many connections"))
                await first.close()
                let again = try await stage.syncOnce("vm", to: receiver.port)
                #expect(again.status == 0, "\(again.errors)")
                crowd.close()
            }
        }

        private func clientContext(_ stage: UsageStage) throws -> TLSContext {
            let certificates = stage.certificates
            return try TLSFiles(
                authority: certificates.file("ca.pem"), certificate: certificates.file("sender.pem"),
                key: certificates.file("sender.key")
            ).makeContext(role: .client)
        }

        /// What a client says first: after this a server has done its half of the handshake.
        private func clientHello(_ stage: UsageStage) throws -> [UInt8] {
            firstFlight(of: try TLSConnection(client: clientContext(stage), serverName: "receiver.site-b"))
        }

        private func firstFlight(of connection: TLSConnection) -> [UInt8] {
            let nothing: [UInt8] = []
            guard (try? connection.handshake(nothing.span.bytes)) != nil else { return [] }
            return withUnsafeTemporaryAllocation(byteCount: connection.pendingOutputByteCount, alignment: 1) { memory in
                var span = OutputRawSpan(buffer: memory, initializedCount: 0)
                connection.takeOutput(into: &span)
                let count = span.finalize(for: memory)
                return Array(memory[..<count])
            }
        }

        /// Thousands of sockets need more than the usual soft limit.
        private func raiseFileLimit() throws {
            var limit = rlimit()
            try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            try #require(limit.rlim_max >= 4096, "the hard limit of open files (ulimit -Hn) is too low for this test")
            limit.rlim_cur = min(limit.rlim_max, 8192)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        }
    }
}
