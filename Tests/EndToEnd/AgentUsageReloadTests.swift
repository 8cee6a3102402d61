import Foundation
import TestCertificates
import Testing

extension EndToEnd {
    @Suite("A running agent takes what has changed", .serialized, .timeLimit(.minutes(2)))
    struct AgentUsageReloadTests {
        @Test("SIGHUP: a bad file is refused and told of, a good one is in force without a restart")
        func configuration() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource("vm-1")
                try await stage.makeSource("db-1")
                let receiver = try await stage.startReceiver()
                let rule = "{match: \"*vm-*\", every: 1s, keep: {last: 2}}"
                let sender = try await stage.startSender(stage.senderText(to: [receiver.port], rules: [rule]))
                try await waitForPublished(1, "vm-1", stage, sender)

                try stage.write(
                    "sender.yaml", stage.senderText(to: [receiver.port], rules: [rule], more: "paralel: 2"))
                sender.command.signal(SIGHUP)
                try await sender.waitForLog("sender.yaml is not taken: ")
                let problems = try await sender.status().problems
                #expect(problems.count == 1)
                #expect(problems.first?.contains("has changed and is not in force: ") == true)
                #expect(problems.first?.contains("paralel") == true)
                let health = try await sender.get("/healthz")
                #expect(health.code == "503" && health.body.contains("paralel"))
                let before = try await published("vm-1", stage, sender)
                try await waitForPublished(before + 1, "vm-1", stage, sender)

                try stage.write(
                    "sender.yaml",
                    stage.senderText(
                        to: [receiver.port], rules: [rule, "{match: \"*db-*\", every: 1s, keep: {last: 2}}"]))
                sender.command.signal(SIGHUP)
                try await waitForPublished(1, "db-1", stage, sender)
                #expect(try await sender.status().problems.isEmpty)
                #expect(try await sender.get("/healthz").code == "200")
                try await stage.expectMirrored("db-1")
            }
        }

        private func published(_ name: String, _ stage: UsageStage, _ sender: UsageAgent) async throws -> UInt64 {
            try await sender.image(stage.prefix + name)?.totals.publishedSnapshots ?? 0
        }

        private func waitForPublished(
            _ count: UInt64, _ name: String, _ stage: UsageStage, _ sender: UsageAgent
        ) async throws {
            try await eventually("\(count) snapshots of \(name) were published") {
                try await published(name, stage, sender) >= count
            }
        }

        @Test("SIGHUP: what needs a restart is said; a lane whose rule is gone ends")
        func restartNeeded() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"]))
                #expect(try await sender.sync("--wait").status == 0)
                try stage.write(
                    "sender.yaml",
                    stage.senderText(to: [receiver.port], rules: ["{exclude: \"*\"}"], more: "parallel: 7"))
                sender.command.signal(SIGHUP)
                try await sender.waitForLog("a restart is needed for what changed under parallel")
                try await eventually("the image is left alone") { try await sender.status().images.isEmpty }
            }
        }

        @Test("SIGHUP: a peer that moved is found at its new address")
        func movedPeer() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"]))
                #expect(try await sender.sync("--wait").status == 0)
                let other = try await stage.startReceiver("other")
                await receiver.command.killNow()
                #expect(try await sender.sync("--wait").status == 75)
                try stage.write("sender.yaml", stage.senderText(to: [other.port], rules: ["{match: \"*\"}"]))
                sender.command.signal(SIGHUP)
                try await sender.waitForLog("took \(sender.file)")
                #expect(try await sender.sync("--wait").status == 0)
                try await stage.expectCurrent()
            }
        }

        @Test("SIGHUP at the receiver: a client may write less, from the next connection on; 12 with words")
        func clients() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"]))
                #expect(try await sender.sync("--wait").status == 0)
                try stage.write("receiver.yaml", "site: [")
                receiver.command.signal(SIGHUP)
                try await receiver.waitForLog("receiver.yaml is not taken: ")
                #expect(try await receiver.status().problems.count == 1)
                #expect(try await sender.sync("--wait").status == 0, "the one before is in force")
                try stage.write(
                    "receiver.yaml",
                    stage.receiverText(
                        clients: #"{identity: sender.site-a, images: ["db-*"]}"#, port: receiver.port))
                receiver.command.signal(SIGHUP)
                try await receiver.waitForLog("took \(receiver.file)")
                #expect(try await receiver.status().problems.isEmpty)
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status == 12, "\(outcome.errors)")
                #expect(outcome.images.map(\.result) == ["unauthorized"])
            }
        }

        @Test("certificates of another authority are used for the next connection; their end within 14 days is told")
        func certificates() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let text = stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"])
                let sender = try await stage.startSender(text)
                #expect(try await sender.sync("--wait").status == 0)
                for agent in [sender, receiver] { #expect(try await agent.status().warnings.isEmpty) }

                let old = try await replaceCertificates(stage, days: 5)
                for agent in [sender, receiver] {
                    try await agent.waitForLog("took the certificates that changed on disk")
                    try await agent.waitForLog("expires in ")
                    try await eventually("the new certificate is told of") {
                        let status = try await agent.status()
                        return status.problems.isEmpty && status.warnings.contains { $0.contains("expires in 4 days") }
                    }
                    let metrics = try await agent.get("/metrics").body
                    let line = metrics.split(separator: "\n").first {
                        $0.hasPrefix("rbd_ferry_certificate_expiry_timestamp_seconds{")
                    }
                    let end = line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
                    #expect(abs(end - Date().timeIntervalSince1970 - 5 * 86_400) < 600, "\(metrics)")
                }
                try await stage.sourceImage().change(.scatter(seed: 3, count: 2, byteCountMax: 5000))
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status == 0, "\(outcome.errors)")
                try await stage.expectCurrent()
                try stage.write(
                    "old.yaml",
                    text.replacingOccurrences(of: stage.certificates.path, with: old)
                        .replacingOccurrences(of: "sender.sock", with: "old.sock"))
                let refused = ShellCommand.ferry("sync", "now", "--config", "\(stage.folder)/old.yaml")
                #expect(try await refused.outcome().status == 12, "the old authority counts no more")
            }
        }

        /// Makes certificates anew, with another authority, in the same folder. Where those before are now.
        private func replaceCertificates(_ stage: UsageStage, days: Int) async throws -> String {
            let folder = stage.certificates.path
            let (new, old) = ("\(stage.folder)/new", "\(stage.folder)/old")
            let made = try CertificateFolder.makeCerts(
                ["--out", new, "--days", "\(days)", "sender.site-a", "receiver.site-b"])
            #expect(made.status == 0, "\(made.text)")
            try await RunningCommand.run("cp", ["-a", folder, old])
            for name in ["ca.pem", "ca.key", "sender.key", "sender.pem", "receiver.key", "receiver.pem"] {
                try await RunningCommand.run("mv", ["\(new)/\(name)", "\(folder)/\(name)"])
            }
            return old
        }

        @Test("a certificate that can't be used is refused and told of, and the one before goes on")
        func badCertificate() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource()
                let receiver = try await stage.startReceiver()
                let sender = try await stage.startSender(
                    stage.senderText(to: [receiver.port], rules: ["{match: \"*\"}"]))
                let good = try stage.certificates.text(of: "sender.pem")
                try stage.certificates.write("no certificate", to: "sender.pem")
                try await eventually("it is told of") {
                    try await sender.status().problems.contains { $0.contains("; the one before is in force") }
                }
                // The command reads the files, too: the agent is asked at its socket.
                let replies = try await sender.askForRun()
                #expect(replies.allSatisfy { $0.outcome?.error == nil })
                try stage.certificates.write(good, to: "sender.pem")
                try await eventually("it is well again") { try await sender.status().problems.isEmpty }
            }
        }
    }
}
