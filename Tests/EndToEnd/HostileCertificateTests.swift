import Foundation
import TestCertificates
import Testing

extension EndToEnd {
    @Suite("Certificates that should not be let in", .serialized, .timeLimit(.minutes(3)))
    struct HostileCertificateTests {
        @Test(
            "expired, of another authority, for the other side, none, TLS 1.2: refused, with address and names in the log"
        )
        func refused() async throws {
            try await UsageStage.with { stage in
                let certificates = stage.certificates
                try certificates.issue(
                    "old", .init(alternativeNames: "DNS:old.site-a", usage: "clientAuth", days: -2 ... -1))
                try certificates.issue(
                    "new", .init(alternativeNames: "DNS:new.site-a", usage: "clientAuth", days: 1...2))
                let stranger = try CertificateFolder(senderName: "stranger.site-x")
                let receiver = try await stage.startHostileReceiver()
                let cases: [(arguments: [String], words: [String])] = [
                    (pair(certificates, "old"), ["'old.site-a'", "expired on"]),
                    (pair(certificates, "new"), ["'new.site-a'", "is not valid before"]),
                    (pair(stranger, "sender"), ["'stranger.site-x'", "does not come from our authority"]),
                    (pair(certificates, "receiver"), ["'receiver.site-b'", "is not meant for a client"]),
                    ([], ["the peer sent no certificate"]),
                    (pair(certificates, "sender") + ["-tls1_2"], ["the peer does not speak TLS 1.3"]),
                ]
                for (arguments, words) in cases {
                    let lineCount = stage.logLines(of: receiver, with: "refused a connection").count
                    _ = try await openssl(arguments, to: receiver.port)
                    try await eventually("\(words) is in the log:\n\(receiver.command.errors)") {
                        let lines = stage.logLines(of: receiver, with: "refused a connection").dropFirst(lineCount)
                        return lines.contains { line in
                            line.contains("peer=\"127.0.0.1:") && words.allSatisfy { line.contains($0) }
                        }
                    }
                }
                try await stage.expectGoodSync("after", to: receiver.port)
                #expect(try await receiver.status().refusedConnectionCount == UInt64(cases.count))
            }
        }

        @Test("one that is revoked while it is connected: its connections end, and no new one is let in")
        func revoked() async throws {
            try await UsageStage.with { stage in
                let certificates = stage.certificates
                try certificates.issue("other", .init(alternativeNames: "DNS:other.site-c", usage: "clientAuth"))
                try makeList(certificates)
                let receiver = try await stage.startHostileReceiver(
                    clients: """
                        {identity: sender.site-a, images: ["*"]}
                          - {identity: other.site-c, images: ["*"], prefix: c-}
                        """, tls: ", revoked: \(certificates.file("revoked.pem"))")
                let thief = try await HostileClient.greeted(stage, to: receiver.port, certificate: "other")
                #expect(try await thief.offer(.hostile("\(stage.prefix)h"))?.kind == .send)
                try await stage.expectGoodSync("before", to: receiver.port)
                try makeList(certificates, revoking: "other.pem")
                #expect(try await thief.fault() == nil, "it is cut off")
                let revoked = "the peer's certificate ('other.site-c') is revoked"
                try await receiver.waitForLog(revoked)
                let again = try await HostileClient.connect(stage, to: receiver.port, certificate: "other")
                await #expect(throws: (any Error).self) { _ = try await again.next() }
                try await eventually("it is said of both:\n\(receiver.command.errors)") {
                    stage.logLines(of: receiver, with: revoked).count == 2
                }
                #expect(stage.logLines(of: receiver, with: revoked).allSatisfy { $0.contains("peer=\"127.0.0.1:") })
                try await stage.expectGoodSync("after", to: receiver.port)
                #expect(try await stage.mirror.image("c-\(stage.prefix)h").snapshotNames() == [])
            }
        }

        @Test("a list that is damaged is not taken, and one that is missing or over stops the start")
        func badLists() async throws {
            try await UsageStage.with { stage in
                let certificates = stage.certificates
                try makeList(certificates)
                let tls = ", revoked: \(certificates.file("revoked.pem"))"
                let receiver = try await stage.startHostileReceiver(tls: tls)
                try certificates.write("no list", to: "revoked.pem")
                try await receiver.waitForLog("holds no usable list of revoked certificates in PEM form")
                let problems = try await receiver.status().problems
                #expect(
                    problems.contains { $0.contains("list of revoked") && $0.hasSuffix("the one before is in force") })
                try await stage.expectGoodSync("vm", to: receiver.port)

                let text = stage.receiverText("second").replacing(".key}", with: ".key\(tls)}")
                let file = try stage.write("second.yaml", text)
                try FileManager.default.removeItem(atPath: certificates.file("revoked.pem"))
                let outcome = try await ShellCommand.ferry("receiver", "--config", file).outcome()
                #expect(outcome.status == 2 && outcome.errors.contains("revoked.pem does not exist"))
                let check = try await ShellCommand.ferry("config", "check", file).outcome()
                #expect(check.status == 2 && check.errors.contains("revoked.pem does not exist"), "\(check)")
            }
        }

        private func pair(_ folder: CertificateFolder, _ name: String) -> [String] {
            ["-cert", folder.file("\(name).pem"), "-key", folder.file("\(name).key")]
        }

        private func makeList(_ folder: CertificateFolder, revoking name: String? = nil) throws {
            let what = name.map { ["--revoke", folder.file($0)] } ?? ["--list"]
            let made = try CertificateFolder.makeCerts(["--out", folder.path] + what)
            #expect(made.status == 0, "\(made.text)")
        }

        private func openssl(_ arguments: [String], to port: Int) async throws -> RunningCommand.Outcome {
            let line = ["timeout", "5", "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(port)"] + arguments
            return try await ShellCommand.bash("sleep 1 | \"$0\" \"$@\"").appending(ShellCommand(line)).outcome()
        }
    }
}
