import Foundation
import Reporting
import Testing

extension EndToEnd {
    @Suite("Proving that a mirror equals its source", .serialized, .timeLimit(.minutes(3)))
    struct VerifyTests {
        private static let mebibyte = 1 << 20
        private static let byteCount = 24 * mebibyte
        private static let damagedOffset = 9 * mebibyte + 70_000
        /// The grain of 64 KiB that the damage lies in.
        private static let damagedRange = VerifyOutcome.Image.Range(
            offsetBytes: 9 * mebibyte + 65_536, lengthBytes: 65_536)

        @Test(
            "an equal one: 0; one that differs: 4, the place and an alarm; then it is mended",
            arguments: StageKind.pairs)
        func provesAndRepairs(_ kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                let snapshot = try await syncedSnapshot(stage)
                try await expectEqual(try await stage.verify(), stage, "full")
                let mirror = stage.mirrorImage()
                try await mirror.damage(at: Self.damagedOffset, in: snapshot)
                let damaged = try await mirror.digest(at: snapshot)
                try await expectDifference(stage, snapshot)

                let repair = try await stage.verify("--repair")
                #expect(repair.status == 0, "\(repair.errors)")
                let image = try #require(repair.images.first)
                #expect(image.result == "repaired" && image.isAlarmed == false)
                #expect(image.differing == [Self.damagedRange])
                let repaired = try #require(image.repairedSnapshot)
                #expect(repaired == "\(snapshot).repaired")
                let source = try await stage.sourceImage().digest(at: snapshot)
                #expect(try await mirror.digest(at: repaired) == source)
                #expect(try await mirror.digest(at: snapshot) == damaged, "what is published stays as it is")
                try await expectAlarm(stage, isRaised: false)

                try await expectEqual(try await stage.verify(), stage, "full")
                try await stage.sourceImage().change(.write(seed: 9, offset: 0, byteCount: 70_000))
                #expect(try await stage.sync().status == 0)
                try await expectEqual(try await stage.verify("--changed", "--sample", "0%"), stage, "changed")
                let newest = try #require(try await stage.sourceImage().snapshotNames().last)
                let ends = (
                    try await stage.sourceImage().digest(at: newest), try await mirror.digest(at: newest)
                )
                #expect(ends.0 == ends.1)
            }
        }

        /// Makes an image and syncs it; the snapshot's name.
        private func syncedSnapshot(_ stage: Stage) async throws -> String {
            try await stage.makeSource(byteCount: Self.byteCount)
            let sync = try await stage.sync()
            #expect(sync.status == 0, "\(sync.errors)")
            return try #require(sync.steps.first?.snapshot)
        }

        private func expectEqual(_ outcome: VerifyOutcome, _ stage: Stage, _ scope: String) async throws {
            #expect(outcome.status == 0, "\(outcome.errors)")
            let image = try #require(outcome.images.first)
            #expect(image.result == "equal" && image.isComplete == true && image.scope == scope)
            #expect(image.differingBytes == 0 && image.isAlarmed == false && image.imageBytes == Self.byteCount)
            if scope == "full" { #expect(image.comparedBytes == Self.byteCount) }
            let received = try #require(try await stage.receiverStatus().images.first)
            #expect(received.lastProof?.scope == scope && received.lastProof?.differingBytes == 0)
        }

        private func expectDifference(_ stage: Stage, _ snapshot: String) async throws {
            let outcome = try await stage.verify("\(stage.prefix)vm@\(snapshot)")
            #expect(outcome.status == 4, "\(outcome.errors)")
            let image = try #require(outcome.images.first)
            #expect(image.result == "differs" && image.isAlarmed == true && image.snapshot == snapshot)
            #expect(image.differing == [Self.damagedRange] && image.differingBytes == 65_536)
            #expect(image.remedy?.contains("--repair") == true)
            try await expectAlarm(stage, isRaised: true)
            let words = try await stage.startVerify(["--slice", "1/1"], asJSON: false).outcome()
            #expect(words.status == 4)
            #expect(words.errors.contains("DIFFER in 65536 bytes at \(Self.damagedRange.offsetBytes)+65536"))
            try await expectAlarm(stage, isRaised: true)
        }

        private func expectAlarm(_ stage: Stage, isRaised: Bool) async throws {
            let image = try #require(try await stage.receiverStatus().images.first)
            #expect((image.alarm != nil) == isRaised)
            guard let alarm = image.alarm else { return }
            #expect(alarm.differing.map(\.text) == ["\(Self.damagedRange.offsetBytes)+65536"])
            let arguments = ["status", "--control", stage.receiverSocketPath, "--check"]
            let status = try await RunningCommand(FerryBinary.path, arguments).outcome()
            #expect(status.status == 1 && status.output.contains("ALARM"))
        }

        @Test("the operator may say that a difference is none")
        func clearAlarm() async throws {
            try await Stage.with(.directories) { stage in
                let snapshot = try await syncedSnapshot(stage)
                try await stage.mirrorImage().damage(at: 5, in: snapshot)
                #expect(try await stage.verify().status == 4)
                try await expectStandingAlarm(stage)
                let cleared = try await stage.verify("--clear-alarm")
                #expect(cleared.status == 0 && cleared.images.first?.result == "cleared", "\(cleared.errors)")
                #expect(try await stage.receiverStatus().images.first?.alarm == nil)
            }
        }

        /// A proof of something else does not end the alarm.
        private func expectStandingAlarm(_ stage: Stage) async throws {
            try await stage.sourceImage().change(.write(seed: 3, offset: 0, byteCount: 4096))
            #expect(try await stage.sync().status == 0)
            let clean = try await stage.verify("--slice", "2/2")
            #expect(clean.status == 0 && clean.images.first?.isAlarmed == true)
            #expect(try await stage.receiverStatus().images.first?.alarm != nil)
        }

        @Test("time that is up is no failure, and the next run goes on there", arguments: StageKind.pairs)
        func maxTime(_ kind: StageKind) async throws {
            try await Stage.with(kind) { stage in
                // More than is asked for at once, most of it holes.
                let byteCount = 320 * Self.mebibyte
                try await stage.sourceImage().create(byteCount: byteCount)
                try await stage.sourceImage().change(.write(seed: 1, offset: 0, byteCount: Self.mebibyte))
                #expect(try await stage.sync().status == 0)
                let first = try await stage.verify("--max-time", "1s", "--read-limit", "100MiB")
                #expect(first.status == 0, "\(first.errors)")
                let part = try #require(first.images.first)
                #expect(part.result == "unfinished" && part.isComplete == false)
                let done = try #require(part.comparedBytes)
                #expect(done > 0 && done < byteCount)
                let second = try await stage.verify()
                let whole = try #require(second.images.first)
                #expect(whole.result == "equal" && whole.comparedBytes == byteCount)
                #expect((whole.resumedBytes ?? 0) >= done)
                let anew = try await stage.verify("--anew")
                #expect(anew.images.first?.resumedBytes == 0)
            }
        }

        @Test("all slices together are everything, and the one with the difference finds it")
        func slices() async throws {
            try await Stage.with(.directories) { stage in
                let snapshot = try await syncedSnapshot(stage)
                try await stage.mirrorImage().damage(at: Self.damagedOffset, in: snapshot)
                var comparedByteCount = 0
                var statuses: [Int32] = []
                for number in 1...3 {
                    let outcome = try await stage.verify("--slice", "\(number)/3")
                    statuses.append(outcome.status)
                    comparedByteCount += outcome.images.first?.comparedBytes ?? 0
                }
                #expect(comparedByteCount == Self.byteCount && statuses.sorted() == [0, 0, 4])
            }
        }

        @Test("a kill of either side in the middle costs nothing but time", arguments: [true, false])
        func kill(_ isSender: Bool) async throws {
            try await Stage.with(.directories) { stage in
                let snapshot = try await syncedSnapshot(stage)
                try await stage.mirrorImage().damage(at: Self.damagedOffset, in: snapshot)
                let cut = try stage.startVerify(["--read-limit", "6MiB"])
                // In the middle: of four seconds.
                try await Task.sleep(for: .milliseconds(1500))
                if isSender {
                    await cut.killNow()
                } else {
                    try await stage.restartReceiver()
                    #expect(try await cut.outcome().status == 75)
                }
                let outcome = try await stage.verify()
                #expect(outcome.status == 4 && outcome.images.first?.differing == [Self.damagedRange])
                #expect(outcome.images.first?.comparedBytes == Self.byteCount)
            }
        }

        @Test("what makes no sense is refused with words: 2; a snapshot that is not on both ends: no proof")
        func refusals() async throws {
            try await Stage.with(.directories) { stage in
                let snapshot = try await syncedSnapshot(stage)
                for (words, problem) in [
                    (["--slice", "8/7"], "--slice takes"), (["--percent", "0%"], "--percent: nothing"),
                    (["--changed", "--slice", "1/2"], "one at a time"), (["--sample", "1%"], "goes with --changed"),
                    (["--clear-alarm", "--repair"], "goes alone"), (["--max-time", "5"], "--max-time: 5 in"),
                    (["\(stage.prefix)vm@\(snapshot)", "\(stage.prefix)vm"], "named with two snapshots"),
                ] {
                    let outcome = try await stage.startVerify(words).outcome()
                    #expect(outcome.status == 2 && outcome.errors.contains(problem), "\(words): \(outcome.errors)")
                }
                let missing = try await stage.verify("\(stage.prefix)vm@nowhere")
                #expect(![0, 4].contains(missing.status) && missing.images.first?.error != nil)
            }
        }
    }
}
