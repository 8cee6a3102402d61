import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("Agents that prove their mirrors", .serialized, .timeLimit(.minutes(3)))
    struct VerifyAgentTests {
        @Test("what changed after each sync, and everything in the pauses")
        func schedule() async throws {
            try await UsageStage.with { stage in
                try await stage.makeSource(byteCount: 6 << 20)
                let receiver = try await stage.startReceiver()
                let rule =
                    "{match: \"*\", every: 2s, keep: {last: 2}, verify: {after-sync: changed, full-every: 3s, sample: 5%}}"
                let sender = try await stage.startSender(stage.senderText(to: [receiver.port], rules: [rule]))
                let name = stage.prefix + "vm"
                for agent in [sender, receiver] {
                    try await eventually("both kinds of proofs were made") {
                        guard let image = try await agent.image(name), let full = image.lastFullProof,
                            let last = image.lastProof
                        else { return false }
                        return last.scope == "changed" && full.scope == "full" && full.comparedRatio == 1
                    }
                }
                let image = try #require(try await sender.image(name))
                #expect(image.alarm == nil && image.isProofLate == false && image.warnings.isEmpty)
                let metrics = try await sender.get("/metrics").body
                #expect(
                    metrics.contains("rbd_ferry_proof_timestamp_seconds{image=\"\(name)\",peer=\"b\",scope=\"full\"} 1")
                )
                #expect(metrics.contains("rbd_ferry_mirror_differs{image=\"\(name)\",peer=\"b\"} 0\n"))
                try await stage.expectMirrored()
            }
        }

        @Test(
            "a difference is an alarm in log, status and metrics at both ends, until it is mended",
            arguments: StageKind.pairs)
        func alarm(_ kind: StageKind) async throws {
            try await UsageStage.with(kind) { stage in
                try await stage.makeSource(byteCount: 6 << 20)
                let receiver = try await stage.startReceiver()
                let rule = "{match: \"\(stage.prefix)*\", verify: {full-every: 2s}}"
                let sender = try await stage.startSender(stage.senderText(to: [receiver.port], rules: [rule]))
                #expect(try await sender.sync("--wait").status == 0)
                let snapshot = try #require(try await stage.mirrorImage().snapshotNames().last)
                let name = stage.prefix + "vm"
                try await stage.mirrorImage().damage(at: 5 << 20, in: snapshot)
                try await eventually("both ends are alarmed") {
                    let ends = (try await sender.image(name), try await receiver.image(name))
                    return ends.0?.alarm != nil && ends.1?.alarm != nil
                }
                try await sender.waitForLog("DIFFERS on b: 65536 bytes, at 5242880+65536")
                for (agent, peer) in [(sender, "b"), (receiver, "sender.site-a")] {
                    let metrics = try await agent.get("/metrics").body
                    let labels = "{image=\"\(name)\",peer=\"\(peer)\"}"
                    #expect(metrics.contains("rbd_ferry_mirror_differs\(labels) 1\n"))
                    #expect(metrics.contains("rbd_ferry_proof_differing_bytes\(labels) 65536\n"))
                    let check = try await RunningCommand(
                        FerryBinary.path, ["status", "--control", agent.socketPath, "--check"]
                    ).outcome()
                    #expect(check.status == 1 && check.output.contains("in ALARM"))
                }
                try await RunningCommand.run(
                    FerryBinary.path, ["verify", name, "--config", sender.file, "--repair", "--quiet"])
                try await eventually("no end is alarmed any more") {
                    let ends = (try await sender.image(name), try await receiver.image(name))
                    return ends.0?.alarm == nil && ends.1?.alarm == nil
                }
            }
        }
    }
}
