import Engine
import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Planning
import Synchronization
import TestSupport
import Testing

@Suite("A difference that a proof found", .serialized, .timeLimit(.minutes(5)))
struct ProofRepairTests {
    private func repairing(_ change: (inout TestProof) -> Void = { _ in }) -> TestProof {
        var proof = TestProof()
        proof.settings.repairs = true
        change(&proof)
        return proof
    }

    /// Two snapshots on both ends, the newer of which is wrong at these places of the mirror.
    private func damagedSites(_ offsets: UInt64..., mebibytes: Int = 20) async throws -> (TwoSites, String) {
        let (sites, _) = try await provenSites(mebibytes: mebibytes)
        sites.source.overwrite("vm", at: 77, with: [1])
        let name = try #require(try await sites.sync().last).target.name
        for offset in offsets { sites.damage(offset, of: name) }
        return (sites, name)
    }

    @Test("stays an alarm at both ends, whatever later proofs do not find, until the operator ends it")
    func alarmStays() async throws {
        let (sites, name) = try await damagedSites(5 << 20)
        let day: TimeInterval = 86_400
        func proof(_ scope: ProofScope, day number: Double) -> TestProof {
            var proof = TestProof()
            proof.settings.scope = scope
            proof.now = { Date(timeIntervalSince1970: 1_800_000_000 + number * day) }
            return proof
        }
        #expect(try await sites.prove(proof(.full, day: 0)).isAlarmed)
        // Mended behind everyone's back: that is no repair.
        let bytes = try #require(sites.source.contents(of: "vm", at: name))[5 << 20..<5 << 20 + 2]
        sites.mirror.corruptSnapshot(name, of: "vm", at: 5 << 20, with: Array(bytes))
        for scope in [ProofScope.percent(1), .full] {
            let report = try await sites.prove(proof(scope, day: 1))
            #expect(report.differing.isEmpty && report.isAlarmed)
            // What the alarm is about was looked at.
            #expect(report.comparedByteCount >= Limits.digestLeafByteCount)
        }
        for record in [try await sites.sourceProofs(), try await sites.mirrorProofs()] {
            #expect(record.alarm?.sinceSeconds == 1_800_000_000 && record.last?.differingByteCount == 0)
        }
        try await sites.run(TestProof()) { try await $0.endAlarm() }
        #expect(try await sites.sourceProofs().alarm == nil)
        #expect(try await sites.mirrorProofs().alarm == nil)
        #expect(try await sites.mirrorProofs().last?.scope == "full", "ending an alarm is no proof")
    }

    @Test("is repaired as a new snapshot that is proven, and then the alarm is over")
    func repaired() async throws {
        let (sites, name) = try await damagedSites(5 << 20, 13 << 20)
        let wrong = sites.mirror.contents(of: "vm", at: name)
        let report = try await sites.prove(repairing())
        #expect(report.repaired?.name == "\(name).repaired" && !report.isAlarmed)
        #expect(report.differing.map(\.offset) == [5 << 20, 13 << 20] && report.sentByteCount < 300_000)
        #expect(sites.mirror.contents(of: "vm", at: "\(name).repaired") == sites.source.contents(of: "vm", at: name))
        #expect(sites.mirror.contents(of: "vm", at: name) == wrong)
        for record in [try await sites.sourceProofs(), try await sites.mirrorProofs()] {
            #expect(record.alarm == nil && record.unfinished == nil)
            #expect(record.last?.scope == "repair" && record.last?.mirror == report.repaired)
            #expect(record.last?.comparedByteCount == 2 * Limits.digestLeafByteCount)
        }
        // The next proof is of the repaired one, and the next sync is based on it.
        let again = try await sites.prove()
        #expect(again.mirror == report.repaired && again.differing.isEmpty)
        sites.source.overwrite("vm", at: 1, with: [3])
        #expect(try await sites.sync().last?.base?.name == name)
        #expect(sites.mirror.contents(of: "vm") == sites.source.contents(of: "vm"))
    }

    @Test("where nothing differs nothing is repaired")
    func nothingToRepair() async throws {
        let (sites, _) = try await damagedSites()
        let report = try await sites.prove(repairing())
        #expect(report.repaired == nil && report.sentByteCount == 0 && !report.isAlarmed)
    }

    @Test("of which a part was looked at: the repair finds the rest, and what it sent is proven")
    func partial() async throws {
        let (sites, name) = try await damagedSites(1, 13 << 20)
        let report = try await sites.prove(repairing { $0.settings.scope = .slice(1, of: 6) })
        #expect(report.differing.map(\.offset) == [0] && report.repaired != nil && !report.isAlarmed)
        #expect(sites.mirror.contents(of: "vm", at: "\(name).repaired") == sites.source.contents(of: "vm", at: name))
        #expect(try await sites.mirrorProofs().last?.comparedByteCount == 2 * Limits.digestLeafByteCount)
    }

    @Test("of more stretches than are listed is repaired, and proven everywhere")
    func many() async throws {
        let (sites, name) = try await damagedSites(mebibytes: 40)
        for number in 0..<300 as Range<UInt64> { sites.damage(number * 2 * Limits.digestGrainByteCountMin, of: name) }
        let report = try await sites.prove(repairing())
        #expect(report.repaired != nil && !report.isAlarmed)
        #expect(try await sites.mirrorProofs().lastFull?.mirror == report.repaired)
    }

    @Test("in a snapshot that is not the newest on both ends is told and not repaired")
    func notNewest() async throws {
        let (sites, first) = try await provenSites()
        sites.source.overwrite("vm", at: 77, with: [1])
        let newest = try #require(try await sites.sync().last).target
        await #expect(throws: ProofConflict.self) {
            try await sites.prove(repairing { $0.settings.snapshot = first })
        }
        // The source has lost the newest: the receiver says no, and the alarm is on.
        sites.damage(5, of: first)
        sites.source.deleteSnapshot(newest.name, of: "vm")
        let refusal = await #expect(throws: OfferRefusal.self) { try await sites.prove(repairing()) }
        #expect(refusal?.disposition == .refused)
        #expect(try await sites.sourceProofs().alarm != nil)
    }

    @Test("found again after a newer sync is repaired there, and the alarm is over")
    func newerSync() async throws {
        let (sites, _) = try await damagedSites(5 << 20)
        #expect(try await sites.prove().isAlarmed)
        sites.source.overwrite("vm", at: 78, with: [1])
        let newest = try #require(try await sites.sync().last).target.name
        let report = try await sites.prove(repairing { $0.settings.scope = .percent(1) })
        #expect(report.snapshot.name == newest && report.repaired != nil && !report.isAlarmed)
        #expect(
            sites.mirror.contents(of: "vm", at: "\(newest).repaired") == sites.source.contents(of: "vm", at: newest))
    }

    @Test("is repaired in the end, cut at every operation of either store", arguments: [true, false])
    func crashSweep(isAtSource: Bool) async throws {
        var point = 0
        var wasReached = true
        while wasReached, point < 300 {
            let (sites, name) = try await damagedSites(5 << 20, mebibytes: 9)
            let left = Mutex(point)
            let store = isAtSource ? sites.source : sites.mirror
            store.setFaults { _, image throws(StoreError) in
                let isHere = left.withLock { left in
                    defer { left -= 1 }
                    return left == 0
                }
                if isHere { throw StoreError(.unavailable, "go on with", image, detail: "test crash") }
            }
            _ = try? await sites.prove(repairing())
            store.setFaults(nil)
            wasReached = left.withLock { $0 < 0 }
            if wasReached, !isAtSource { sites.mirror.losePower(of: "vm") }
            _ = try await sites.prove(repairing())
            let context: Comment = "crash at operation \(point)"
            #expect(try await sites.sourceProofs().alarm == nil, context)
            #expect(try await sites.mirrorProofs().alarm == nil, context)
            let last = try #require(try await sites.mirrorProofs().last, context)
            #expect(last.differingByteCount == 0 && last.mirror.name == "\(name).repaired", context)
            let repaired = sites.mirror.contents(of: "vm", at: last.mirror.name)
            #expect(repaired == sites.source.contents(of: "vm", at: name), context)
            point += 1
        }
        #expect(point > 20, "the sweep found few points: \(point)")
    }

    @Test("is repaired in the end, cut at any byte", arguments: 0..<12)
    func cutAnywhere(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let (sites, name) = try await damagedSites(5 << 20, 17 << 20)
        for _ in 0..<4 {
            _ = try? await sites.prove(
                repairing {
                    $0.senderByteCountMax = .random(in: 0...200_000, using: &generator)
                    $0.receiverByteCountMax =
                        Bool.random(using: &generator) ? .max : .random(in: 0...3000, using: &generator)
                })
        }
        _ = try await sites.prove(repairing())
        #expect(try await sites.sourceProofs().alarm == nil, "seed \(seed)")
        #expect(try await sites.mirrorProofs().alarm == nil, "seed \(seed)")
        #expect(
            sites.mirror.contents(of: "vm", at: "\(name).repaired") == sites.source.contents(of: "vm", at: name),
            "seed \(seed)")
    }
}
