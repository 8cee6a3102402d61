import Engine
import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Planning
import Synchronization
import TestSupport
import Testing

@Suite("A proof that is cut", .serialized, .timeLimit(.minutes(5)))
struct ProofCutTests {
    /// Proves until it is done; the reports and what was read at the source.
    private func proveUntilDone(_ sites: TwoSites, _ proof: TestProof) async throws -> ProofReport {
        for _ in 0..<20 {
            do {
                return try await sites.prove(proof)
            } catch let failure as any Failure where failure.disposition == .temporary {
                continue
            }
        }
        return try await sites.prove(proof)
    }

    @Test("at any byte of either direction, it goes on and compares nothing twice", arguments: 0..<16)
    func cutAnywhere(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let (sites, name) = try await provenSites(mebibytes: 200, seed: seed)
        let offset = UInt64.random(in: 0..<200 << 20, using: &generator)
        if seed.isMultiple(of: 2) { sites.damage(offset, of: name) }
        var compared: UInt64 = 0
        for _ in 0..<6 {
            var proof = TestProof()
            proof.senderByteCountMax = UInt64.random(in: 0...2000, using: &generator)
            proof.receiverByteCountMax =
                Bool.random(using: &generator) ? .max : .random(in: 0...4000, using: &generator)
            guard (try? await sites.prove(proof)) == nil else { break }
            let kept = try await sites.sourceProofs().unfinished?.comparedByteCount ?? 0
            #expect(kept >= compared, "seed \(seed)")
            compared = kept
        }
        let isDone = try await sites.sourceProofs().unfinished == nil
        let report = try await sites.prove()
        #expect(isDone || report.resumedByteCount == compared, "seed \(seed)")
        #expect(report.isComplete && report.comparedByteCount == report.imageByteCount, "seed \(seed)")
        let grain = Limits.digestGrainByteCountMin
        #expect(
            report.differing.map(\.offset) == (seed.isMultiple(of: 2) ? [offset / grain * grain] : []), "seed \(seed)")
        #expect(try await sites.mirrorProofs().alarm?.differing == (report.isAlarmed ? report.differing : nil))
    }

    @Test("or cancelled, keeps how far it came")
    func cancelled() async throws {
        let (sites, _) = try await provenSites(mebibytes: 200)
        let proof = TestProof()
        let task = Task { try await sites.prove(proof) }
        sites.source.setFaults { operation, _ throws(StoreError) in
            if operation == .read, proof.meter.counts.comparedByteCount > 0 { task.cancel() }
        }
        await #expect(throws: (any Error).self) { try await task.value }
        sites.source.setFaults(nil)
        let report = try await sites.prove()
        #expect(report.resumedByteCount > 0 && report.comparedByteCount == report.imageByteCount)
    }

    @Test("at every operation of either store, goes on, and never raises an alarm", arguments: [true, false])
    func crashSweep(isAtSource: Bool) async throws {
        var point = 0
        var wasReached = true
        while wasReached, point < 200 {
            let (sites, _) = try await provenSites(mebibytes: 9)
            let crash = CrashPoint(point)
            let store = isAtSource ? sites.source : sites.mirror
            store.setFaults { _, image throws(StoreError) in try crash.step(image) }
            _ = try? await sites.prove()
            store.setFaults(nil)
            wasReached = crash.wasReached
            let report = try await proveUntilDone(sites, TestProof())
            #expect(report.isComplete && report.differing.isEmpty && !report.isAlarmed, "crash at operation \(point)")
            #expect(try await sites.mirrorProofs().lastFull != nil, "crash at operation \(point)")
            point += 1
        }
        #expect(point > 10, "the sweep found few points: \(point)")
    }

    @Test("because a snapshot is deleted under it, at either end, raises no alarm", arguments: [true, false])
    func deleted(isAtSource: Bool) async throws {
        let (sites, name) = try await provenSites(mebibytes: 100)
        let store = isAtSource ? sites.source : sites.mirror
        let reads = Mutex(0)
        store.setFaults { [store] operation, _ throws(StoreError) in
            let isDue =
                operation == .read
                && reads.withLock { reads in
                    reads += 1
                    return reads == 3
                }
            if isDue { store.deleteSnapshot(name, of: "vm") }
        }
        let failure = await #expect(throws: (any Error).self) { try await sites.prove() }
        #expect(failure?.oneLine.contains("deleted while it was compared") == true)
        store.setFaults(nil)
        #expect(try await sites.sourceProofs().alarm == nil)
        #expect(try await sites.mirrorProofs().alarm == nil)
    }

    @Test("because the mirror is deleted under it ends with an error")
    func mirrorDeleted() async throws {
        let (sites, _) = try await provenSites(mebibytes: 100)
        sites.mirror.setFaults { [mirror = sites.mirror] operation, _ throws(StoreError) in
            if operation == .read { mirror.deleteImage("vm") }
        }
        await #expect(throws: (any Error).self) { try await sites.prove() }
        sites.mirror.setFaults(nil)
        #expect(try await sites.sourceProofs().alarm == nil)
    }

    @Test("because either end's cluster hangs ends with an error, not never", arguments: [true, false])
    func hangs(isAtSource: Bool) async throws {
        var (sites, _) = try await provenSites(mebibytes: 40)
        sites.limits.keepAliveInterval = .milliseconds(20)
        sites.limits.stallMax = .milliseconds(300)
        let store = isAtSource ? sites.source : sites.mirror
        let reads = Mutex(0)
        store.setFaults { operation, _ throws(StoreError) in
            let isStuck =
                operation == .read
                && reads.withLock { reads in
                    reads += 1
                    return reads > 2
                }
            if isStuck { try? await Task.sleep(for: .seconds(60)) }
        }
        let failure = await #expect(throws: EngineError.self) { try await sites.prove() }
        guard case .stalled? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }
}
