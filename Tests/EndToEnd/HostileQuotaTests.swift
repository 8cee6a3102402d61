import Foundation
import Testing

extension EndToEnd {
    @Suite("What a client may take of a receiver", .serialized, .timeLimit(.minutes(3)))
    struct HostileQuotaTests {
        @Test("mirrors and their sizes are bounded, across a restart, and a reload raises the bounds")
        func mirrors() async throws {
            try await UsageStage.with { stage in
                func clients(_ quota: String) -> String { "{identity: sender.site-a, images: [\"*\"], \(quota)}" }
                var receiver = try await stage.startHostileReceiver(clients: clients("images-max: 2, bytes-max: 3MiB"))
                try await stage.expectGoodSync("vm-1", to: receiver.port)
                try await stage.expectGoodSync("vm-2", to: receiver.port)
                try await expectRefusal("vm-3", 1 << 20, "mirror number 3 of client", "images-max", stage, receiver)
                try await grow("vm-2", to: 2 << 20, stage)
                #expect(try await stage.syncOnce("vm-2", to: receiver.port).status == 0)
                try await grow("vm-1", to: 2 << 20, stage)
                try await expectRefusal("vm-1", nil, "would have 4194304 bytes", "bytes-max", stage, receiver)

                let taken = try await receiver.status().clients?.first
                #expect(taken?.imageCount == 2 && taken?.bytes == 3 << 20 && taken?.bytesMax == 3 << 20)
                #expect(
                    try await receiver.status().warnings == ["client sender.site-a has taken 100% of its bytes-max"])
                await receiver.command.killNow()
                receiver = try await stage.startHostileReceiver(clients: clients("images-max: 2, bytes-max: 3MiB"))
                try await expectRefusal("vm-3", nil, "mirror number 3 of client", "images-max", stage, receiver)

                try stage.write(
                    "receiver.yaml", stage.receiverText(clients: clients("images-max: 3, bytes-max: 1GiB")))
                receiver.command.signal(SIGHUP)
                try await receiver.waitForLog("took ")
                #expect(try await stage.syncOnce("vm-3", to: receiver.port).status == 0)
                #expect(try await stage.syncOnce("vm-1", to: receiver.port).status == 0)
            }
        }

        @Test("a mirror that its owner removed makes room without a restart")
        func removed() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver(
                    clients: "{identity: sender.site-a, images: [\"*\"], images-max: 1}")
                try await stage.expectGoodSync("vm-1", to: receiver.port)
                try await expectRefusal("vm-2", 1 << 20, "mirror number 2", "images-max", stage, receiver)
                try FileManager.default.removeItem(atPath: stage.mirrorImage("vm-1").spec)
                #expect(try await stage.syncOnce("vm-2", to: receiver.port).status == 0)
            }
        }

        private func grow(_ name: String, to byteCount: Int, _ stage: UsageStage) async throws {
            try await stage.sourceImage(name).change(.resize(byteCount: byteCount))
        }

        private func expectRefusal(
            _ name: String, _ byteCount: Int?, _ cause: String, _ remedy: String, _ stage: UsageStage,
            _ receiver: UsageAgent, location: SourceLocation = #_sourceLocation
        ) async throws {
            if let byteCount { try await stage.makeSource(name, byteCount: byteCount) }
            let before = try await stage.mirrorImage(name).snapshotNames()
            let outcome = try await stage.syncOnce(name, to: receiver.port)
            #expect(outcome.status == 5, "\(outcome.errors)", sourceLocation: location)
            #expect(
                outcome.errors.contains(cause) && outcome.errors.contains(remedy), "\(outcome.errors)",
                sourceLocation: location)
            #expect(try await stage.mirrorImage(name).snapshotNames() == before, sourceLocation: location)
            if byteCount != nil {
                #expect(!FileManager.default.fileExists(atPath: stage.mirrorImage(name).spec), sourceLocation: location)
            }
        }
    }
}
