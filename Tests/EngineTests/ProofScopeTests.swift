import Engine
import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Pipeline
import Planning
import Synchronization
import TestSupport
import Testing

private let leaf = Limits.digestLeafByteCount

@Suite("How much a proof compares", .timeLimit(.minutes(5)))
struct ProofScopeTests {
    @Test("over all slices every difference is found, once")
    func slices() async throws {
        let (sites, name) = try await provenSites(mebibytes: 30)
        for offset in [1, 9 << 20, 17 << 20, 30 << 20] as [UInt64] { sites.damage(offset, of: name) }
        // An alarm makes later proofs look at what it is about: each slice begins with none.
        var (found, compared): ([Extent], UInt64) = ([], 0)
        for number in 1...3 {
            let report = try await sites.prove {
                $0.settings.scope = .slice(number, of: 3)
                $0.settings.peer = "slice\(number)"
            }
            #expect(report.isComplete && report.comparedByteCount == report.selectedByteCount)
            found += report.differing
            compared += report.comparedByteCount
        }
        #expect(found.map(\.offset).sorted() == [0, 9 << 20, 17 << 20, 30 << 20])
        #expect(compared == 30 << 20 + 777)
        #expect(try await sites.mirrorProofs().lastFull == nil)
    }

    @Test("a share is compared, of what the seed draws")
    func percent() async throws {
        let (sites, _) = try await provenSites(mebibytes: 40)
        let report = try await sites.prove { $0.settings.scope = .percent(25) }
        // 11 leaves, the last one short.
        #expect(report.selectedByteCount <= 3 * leaf && report.selectedByteCount > 2 * leaf && report.isComplete)
        #expect(report.comparedByteCount == report.selectedByteCount)
        let record = try await sites.mirrorProofs()
        #expect(record.last?.scope == "25 percent" && record.lastFull == nil)
    }

    @Test("what the last deltas touched is compared, and a sample of the rest")
    func changed() async throws {
        let (sites, first) = try await provenSites(mebibytes: 60)
        let alone = try await sites.prove { $0.settings.scope = .changed(samplePercent: 1) }
        #expect(alone.changedSince == nil && alone.selectedByteCount <= leaf && alone.isComplete)
        for offset in [20 << 20, 41 << 20] as [UInt64] {
            sites.source.overwrite("vm", at: offset, with: [1, 2, 3])
            try await sites.sync()
        }
        let newest = try #require(try await sites.sync().last).target.name
        sites.damage(21 << 20, of: newest)
        let report = try await sites.prove { $0.settings.scope = .changed(samplePercent: 0) }
        #expect(report.changedSince?.name == first && report.selectedByteCount == 2 * leaf)
        #expect(report.differing.map(\.offset) == [21 << 20])
        // Where no delta was, only the sample comes by.
        sites.damage(58 << 20, of: newest)
        let all = try await sites.prove { $0.settings.scope = .changed(samplePercent: 100) }
        #expect(all.differing.map(\.offset) == [21 << 20, 58 << 20] && all.comparedByteCount == all.imageByteCount)
    }

    @Test("of a proof with no time a part is compared each time, until all is")
    func timeMax() async throws {
        let (sites, name) = try await provenSites(mebibytes: 10)
        sites.damage(9 << 20, of: name)
        var reports: [ProofReport] = []
        repeat {
            // The image goes on: what was begun is gone on with.
            sites.source.overwrite("vm", at: 5, with: [UInt8(reports.count)])
            try await sites.sync()
            reports.append(try await sites.prove { $0.settings.timeMax = .zero })
        } while reports.last?.isComplete == false && reports.count < 10
        #expect(reports.map(\.isComplete) == [false, false, true])
        #expect(reports.map(\.resumedByteCount) == [0, leaf, 2 * leaf])
        #expect(reports.map(\.comparedByteCount) == [leaf, 2 * leaf, 10 << 20 + 777])
        #expect(Set(reports.map(\.snapshot)).count == 1)
        #expect(reports[2].differing.map(\.offset) == [9 << 20] && reports[2].isAlarmed)
        let record = try await sites.mirrorProofs()
        #expect(record.lastFull?.comparedByteCount == 10 << 20 + 777)
        #expect(try await sites.sourceProofs().unfinished == nil)
        // The next one begins anew, and with the newest.
        let next = try await sites.prove { $0.settings.timeMax = .zero }
        #expect(next.resumedByteCount == 0 && next.snapshot.id > reports[2].snapshot.id)
    }

    @Test("goes on, although what changed was proven meanwhile")
    func changesMeanwhile() async throws {
        let (sites, _) = try await provenSites(mebibytes: 10)
        try await sites.prove { $0.settings.timeMax = .zero }.expectCompared(leaf, resumed: 0)
        sites.source.overwrite("vm", at: 5, with: [7])
        try await sites.sync()
        #expect(try await sites.prove { $0.settings.scope = .changed(samplePercent: 0) }.isComplete)
        let rest = try await sites.prove()
        #expect(rest.isComplete && rest.resumedByteCount == leaf)
    }

    @Test("is begun anew for another scope, another snapshot, or when asked to")
    func anew() async throws {
        let (sites, name) = try await provenSites(mebibytes: 10)
        try await sites.prove { $0.settings.timeMax = .zero }.expectCompared(leaf, resumed: 0)
        let slice = try await sites.prove {
            $0.settings.scope = .slice(1, of: 1)
            $0.settings.timeMax = .zero
        }
        slice.expectCompared(leaf, resumed: 0)
        let again = try await sites.prove {
            $0.settings.startsAnew = true
            $0.settings.scope = .slice(1, of: 1)
            $0.settings.timeMax = .zero
        }
        again.expectCompared(leaf, resumed: 0)
        sites.source.overwrite("vm", at: 5, with: [7])
        let newest = try #require(try await sites.sync().last).target.name
        let other = try await sites.prove {
            $0.settings.snapshot = newest
            $0.settings.scope = .slice(1, of: 1)
            $0.settings.timeMax = .zero
        }
        other.expectCompared(leaf, resumed: 0)
        // What the mirror has no more can't be gone on with.
        try await sites.prove {
            $0.settings.snapshot = name; $0.settings.timeMax = .zero
        }
        .expectCompared(leaf, resumed: 0)
        sites.mirror.deleteSnapshot(name, of: "vm")
        let next = try await sites.prove()
        #expect(next.snapshot.name == newest && next.resumedByteCount == 0 && next.isComplete)
    }

    @Test("what one was begun with is held from retention at both ends, for a week")
    func held() async throws {
        var rules = RetentionRules()
        rules.last = 1
        let (sites, name) = try await provenSites(mebibytes: 10, keep: .rules(rules))
        let now = Date()
        let begun = try await sites.prove {
            $0.settings.timeMax = .zero
            $0.now = { now }
        }
        #expect(!begun.isComplete)
        for byte in 1...2 as ClosedRange<UInt8> {
            sites.source.overwrite("vm", at: 5, with: [byte])
            try await sites.sync()
        }
        #expect(sites.mirror.contents(of: "vm", at: name) != nil)
        func prune(after seconds: TimeInterval) async throws -> [String] {
            let image = try await sites.source.openSource("vm")
            let pruning = SourcePruning(
                image: image, keep: .rules(rules), peers: ["b"], baseSecondsMax: .max,
                now: now.addingTimeInterval(seconds))
            let removed = try await pruning.run().removed.map(\.name)
            await image.close()
            return removed
        }
        #expect(try await prune(after: 3600).contains(name) == false)
        let report = try await sites.prove { $0.now = { now } }
        #expect(report.snapshot.name == name && report.isComplete && report.resumedByteCount == leaf)
        sites.source.overwrite("vm", at: 5, with: [3])
        try await sites.sync()
        #expect(sites.mirror.contents(of: "vm", at: name) == nil)
        #expect(try await prune(after: 3600).contains(name))
    }

    @Test("nothing, of a slice that is none")
    func invalid() async throws {
        let (sites, _) = try await provenSites()
        await #expect(throws: ProofConflict.invalidScope(.slice(4, of: 3))) {
            try await sites.prove { $0.settings.scope = .slice(4, of: 3) }
        }
    }

    @Test("what the limits let through passes them")
    func limited() async throws {
        let (sites, _) = try await provenSites()
        let throttle = Throttle(rate: 1 << 40)
        let proof = try await sites.prove { $0.settings.pacing = Pacing(reading: [throttle]) }
        #expect(throttle.passedByteCount == proof.imageByteCount)
    }
}

extension ProofReport {
    fileprivate func expectCompared(
        _ byteCount: UInt64, resumed: UInt64, location: SourceLocation = #_sourceLocation
    ) {
        #expect(comparedByteCount == byteCount && resumedByteCount == resumed, sourceLocation: location)
    }
}
