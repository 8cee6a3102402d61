import Conversation
import FerryCore
import Foundation
import OpenSSL
import Testing

extension EndToEnd {
    @Suite("A client with a good certificate that breaks the rules", .serialized, .timeLimit(.minutes(3)))
    struct HostileTransferTests {
        @Test("is told why, and nothing is published", arguments: [false, true])
        func refused(isDelta: Bool) async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver()
                let memory = PeakMemory(of: receiver.command)
                let before = try PeakMemory.current(of: receiver.command.processID)
                let bombs = try await HostileTransfer.bombs(stage)
                let transfers = isDelta ? HostileTransfer.deltas : HostileTransfer.records + bombs
                for (number, transfer) in transfers.enumerated() {
                    try await expectRefusal(transfer, number, stage, receiver)
                }
                try await stage.expectGoodSync("after", to: receiver.port)
                let grownBy = max(0, memory.byteCount - before) >> 20
                print("the receiver's memory grew by \(grownBy) MiB at most, over \(transfers.count) hostile transfers")
                #expect(grownBy < 96)
            }
        }

        private func expectRefusal(
            _ transfer: HostileTransfer, _ number: Int, _ stage: UsageStage, _ receiver: UsageAgent
        ) async throws {
            let image = "\(stage.prefix)h-\(number)"
            let client = try await HostileClient.greeted(stage, to: receiver.port)
            let answer = try await client.offer(.hostile(image))
            #expect(answer?.kind == .send, "\(transfer)")
            let lineCount = stage.logLines(of: receiver, with: "identity=\"sender.site-a\"").count
            // The receiver may hang up before everything is sent.
            _ = try? await transfer.send(client)
            let fault = try await client.fault()
            #expect(fault != nil && fault?.cause.contains(transfer.words) == true, "\(transfer): \(fault as Any)")
            await client.close()
            #expect(try await stage.mirror.image(image).snapshotNames() == [], "\(transfer)")
            try await eventually("\(transfer) is in the log, with who did it:\n\(receiver.command.errors)") {
                let lines = stage.logLines(of: receiver, with: "identity=\"sender.site-a\"")
                return lines.count > lineCount && lines.last?.contains("peer=\"127.0.0.1:") == true
            }
        }

        @Test("by keeping a transfer alive and sending nothing else: it ends, and the mirror is free again")
        func keepAlives() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver("block-within: 2s")
                let client = try await HostileClient.greeted(stage, to: receiver.port)
                #expect(try await client.offer(.hostile("\(stage.prefix)h"))?.kind == .send)
                let flood = Task {
                    let keepAlives = (0..<4096).flatMap { _ in ControlRecord.keepAlive.wireRecord.encoded }
                    while !Task.isCancelled { try await client.send(keepAlives) }
                }
                // Beside the flood.
                try await stage.expectGoodSync("beside", to: receiver.port)
                let fault = try await client.fault()
                flood.cancel()
                #expect(fault?.cause == "the sender's next block took longer than 2 s")
                #expect(fault?.disposition == .temporary)
                await client.close()
                let again = try await HostileClient.greeted(stage, to: receiver.port)
                #expect(try await again.offer(.hostile("\(stage.prefix)h"))?.kind == .send, "nobody holds it")
                await again.close()
                #expect(try await stage.mirror.image("\(stage.prefix)h").snapshotNames() == [])
            }
        }

        @Test("by asking for what it may not have, again and again: refused each time")
        func endlessOffers() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver(
                    clients: #"{identity: sender.site-a, images: ["usage-*"]}"#)
                let memory = PeakMemory(of: receiver.command)
                let before = try PeakMemory.current(of: receiver.command.processID)
                let client = try await HostileClient.greeted(stage, to: receiver.port)
                for number in 0..<2000 {
                    let answer = try await client.offer(.hostile("secret-\(number)"))
                    #expect(answer?.kind == .refused && answer?.fault?.disposition == .unauthorized)
                }
                await client.close()
                try await stage.expectGoodSync("after", to: receiver.port)
                #expect(max(0, memory.byteCount - before) < 64 << 20)
                #expect(try await receiver.status().images.count == 1, "what is refused is not remembered")
            }
        }

        @Test("by names that lead elsewhere: refused, and nothing appears anywhere")
        func names() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver()
                let paths = try stage.allPaths()
                for image in Self.badImages {
                    let client = try await HostileClient.greeted(stage, to: receiver.port)
                    let answer = try await client.offer(.hostile(image))
                    #expect(answer?.kind == .refused, "\(image.debugDescription)")
                    await client.close()
                }
                for image in ["", "a\0b", String(repeating: "n", count: 4097)] {
                    let client = try await HostileClient.greeted(stage, to: receiver.port)
                    try await client.send(.offer(.hostile(image)))
                    #expect(try await client.fault() != nil, "\(image.count)")
                    await client.close()
                }
                #expect(try stage.allPaths() == paths)
                #expect(!FileManager.default.fileExists(atPath: "\(stage.folder)/escaped"))
                try await stage.expectGoodSync("after", to: receiver.port)
                expectPrintable(receiver)
            }
        }

        private static let badImages = [
            ".", "..", "a/..", "a/../..", "/etc/..", ".hidden", "store.json", "x\ny", "x\u{1B}[2Jy", "x\u{9B}31my",
            ".rbd-ferry-1", String(repeating: "n", count: 256), "\u{7f}",
        ]

        @Test("by an image's name with slashes in it: only what is behind the last one counts")
        func slashes() async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver()
                for (number, image) in ["../escaped", "/etc/escaped", "a/../../escaped", "mirror/escaped"].enumerated()
                {
                    let client = try await HostileClient.greeted(stage, to: receiver.port)
                    let answer = try await client.offer(.hostile(image + "\(number)"))
                    #expect(answer?.kind == .send)
                    await client.close()
                    #expect(FileManager.default.fileExists(atPath: "\(stage.folder)/mirror/escaped\(number)/head.raw"))
                }
                #expect(!FileManager.default.fileExists(atPath: "/etc/escaped1"))
                let beside = try FileManager.default.contentsOfDirectory(atPath: stage.folder)
                #expect(!beside.contains { $0.hasPrefix("escaped") })
            }
        }

        @Test("by a snapshot's name that leads elsewhere: nothing is published", arguments: [false, true])
        func snapshotNames(isEscape: Bool) async throws {
            try await UsageStage.with { stage in
                let receiver = try await stage.startHostileReceiver()
                let names =
                    isEscape ? ["s\u{1B}]0;x\u{07}1", "s\n1"] : ["../s1", "/etc/s1", "..", ".", "a/../../../s1"]
                for (number, name) in names.enumerated() {
                    let image = "\(stage.prefix)h-\(number)"
                    let client = try await HostileClient.greeted(stage, to: receiver.port)
                    var totals = RunningTotals()
                    let answer = try await client.offer(.hostile(image, snapshot: name))
                    if answer?.kind == .send {
                        let content = StreamBytes.v2.to(name).raw(Array("p".utf8) + [1, 0, 0, 0, 0, 0, 0, 0, 0])
                            .size(1 << 20).end().bytes.dropFirst(12)
                        try await client.sendHonestly(Array(content), recordCount: 4, &totals)
                        #expect(try await client.fault() != nil, "\(name.debugDescription)")
                    }
                    await client.close()
                    #expect(try await stage.mirror.image(image).snapshotNames() == [])
                }
                let escaped = try FileManager.default.subpathsOfDirectory(atPath: stage.folder)
                #expect(!escaped.contains { $0.hasSuffix("s1.raw") })
                try await stage.expectGoodSync("after", to: receiver.port)
                expectPrintable(receiver)
            }
        }

        /// Nothing that a terminal would act on is in the log.
        private func expectPrintable(_ receiver: UsageAgent, location: SourceLocation = #_sourceLocation) {
            let isSafe = receiver.command.errors.unicodeScalars.allSatisfy { scalar in
                scalar == "\n" || scalar.properties.generalCategory != .control
            }
            #expect(isSafe, "\(receiver.command.errors.debugDescription)", sourceLocation: location)
        }
    }
}

extension HostileClient {
    /// Sends a whole delta in one block, with its totals.
    func sendHonestly(_ content: [UInt8], recordCount: UInt64, _ totals: inout RunningTotals) async throws {
        try await sendBlock(content)
        totals.add(
            recordCount: recordCount, contentByteCount: content.count, blockDigest: BlockDigest.digest(content.span),
            hash: { SHA256Digest.digest($0.span) })
        try await send(.totals(totals.totals))
    }
}
