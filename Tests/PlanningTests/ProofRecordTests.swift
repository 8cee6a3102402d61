import FerryCore
import Foundation
import Planning
import TestSupport
import Testing

private let first = SnapshotIdentity(id: 4, name: "first")
private let second = SnapshotIdentity(id: 6, name: "second")
private let mirrored = SnapshotIdentity(id: 14, name: "first")
private let repaired = SnapshotIdentity(id: 15, name: "first.repaired")

/// What was found in an image of a million bytes.
private func differing(_ extents: (UInt64, UInt64)...) -> DifferingExtents {
    var found = DifferingExtents()
    for (offset, byteCount) in extents { found.append(Extent(offset: offset, byteCount: byteCount)) }
    return found
}

private func summary(
    _ scope: ProofScope = .full, snapshot: SnapshotIdentity = first, mirror: SnapshotIdentity = mirrored,
    at seconds: Int64 = 1000, compared: UInt64 = 1_000_000, differing: UInt64 = 0
) -> ProofSummary {
    ProofSummary(
        snapshot: snapshot, mirror: mirror, atSeconds: seconds, scope: scope.description, imageByteCount: 1_000_000,
        comparedByteCount: compared, differingByteCount: differing)
}

@Suite("What is kept of proofs")
struct ProofRecordTests {
    @Test("the last proof, and the last that compared every byte")
    func last() {
        var record = ProofRecord()
        record.note(summary(at: 1), DifferingExtents(), endsAlarm: false)
        record.note(summary(.percent(5), at: 2, compared: 50_000), DifferingExtents(), endsAlarm: false)
        #expect(record.last?.scope == "5 percent" && record.lastFull?.atSeconds == 1)
        // One that was ended early is no full one.
        record.note(summary(at: 3, compared: 999_999), DifferingExtents(), endsAlarm: false)
        #expect(record.last?.atSeconds == 3 && record.lastFull?.atSeconds == 1)
        record.note(summary(at: 4, compared: 0), DifferingExtents(), endsAlarm: true)
        #expect(record.last?.atSeconds == 3, "nothing was compared")
        #expect(record.alarm == nil)
    }

    @Test("a difference raises an alarm that only its end ends, and that keeps its first time")
    func alarm() {
        var record = ProofRecord()
        record.note(summary(at: 10, differing: 64), differing((0, 64)), endsAlarm: false)
        #expect(record.alarm?.sinceSeconds == 10 && record.alarm?.differing == [Extent(offset: 0, byteCount: 64)])
        for scope in [ProofScope.full, .changed(samplePercent: 1), .slice(1, of: 2)] {
            record.note(summary(scope, at: 20), DifferingExtents(), endsAlarm: false)
            #expect(record.alarm?.sinceSeconds == 10)
        }
        let more = summary(snapshot: second, mirror: repaired, at: 30, differing: 100)
        record.note(more, differing((32, 64), (500, 36)), endsAlarm: true)
        #expect(record.alarm?.sinceSeconds == 10 && record.alarm?.snapshot == second)
        #expect(
            record.alarm?.differing == [Extent(offset: 0, byteCount: 96), Extent(offset: 500, byteCount: 36)])
        #expect(record.alarm?.differingByteCount == 132)
        record.note(summary(at: 40, compared: 0), DifferingExtents(), endsAlarm: true)
        #expect(record.alarm == nil)
    }

    @Test("only the same snapshot on another snapshot of the mirror is a repair")
    func repair() {
        var record = ProofRecord()
        #expect(!record.endsAlarm(provenAs: first, mirror: repaired))
        record.note(summary(differing: 64), differing((0, 64)), endsAlarm: false)
        #expect(!record.endsAlarm(provenAs: first, mirror: mirrored))
        #expect(!record.endsAlarm(provenAs: second, mirror: repaired))
        #expect(record.endsAlarm(provenAs: first, mirror: repaired))
    }

    @Test("snapshots are held for a proof that can go on, and not for ever")
    func held() {
        var record = ProofRecord()
        record.unfinished = UnfinishedProof(
            snapshot: first, mirror: mirrored, scope: .full, seed: 1, since: nil, atSeconds: 1000)
        #expect(record.heldSnapshot(nowSeconds: 2000) == first)
        #expect(record.heldSnapshot(nowSeconds: 1000 + ProofRecord.heldSecondsMax + 1) == nil)
        #expect(record.heldMirror(nowSeconds: 2000) == nil)
        record.note(summary(compared: 999), DifferingExtents(), endsAlarm: false)
        #expect(record.heldMirror(nowSeconds: 2000) == mirrored)
        #expect(record.heldMirror(nowSeconds: .max) == nil)
        record.note(summary(.percent(5), compared: 999), DifferingExtents(), endsAlarm: false)
        #expect(record.heldMirror(nowSeconds: 2000) == mirrored)
        record.note(summary(), DifferingExtents(), endsAlarm: false)
        #expect(record.heldMirror(nowSeconds: 2000) == nil)
    }

    @Test("is stored and read back as it was, and damage is noticed")
    func stored() throws {
        var record = ProofRecord()
        record.note(summary(differing: 64), differing((0, 64), (100, 7)), endsAlarm: false)
        for scope in [ProofScope.full, .changed(samplePercent: 0.5), .slice(3, of: 7), .percent(5)] {
            record.unfinished = UnfinishedProof(
                snapshot: first, mirror: mirrored, scope: scope, seed: .max, since: second, atSeconds: -5)
            let data = try JSONEncoder().encode(record)
            #expect(try JSONDecoder().decode(ProofRecord.self, from: data) == record)
        }
        let hostile = [
            #"{"list":[[18446744073709551615,18446744073709551615]],"bytes":5}"#, #"{"list":[[0,9]],"bytes":5}"#,
            #"{"list":[[0]],"bytes":5}"#, #"{"list":[[5,2],[0,1]],"bytes":5}"#, #"{"list":[[0,0]],"bytes":5}"#,
        ]
        for text in hostile {
            #expect(throws: DecodingError.self, "\(text)") {
                try JSONDecoder().decode(DifferingExtents.self, from: Data(text.utf8))
            }
        }
    }
}

@Suite("Extents that differ")
struct DifferingExtentsTests {
    @Test("are joined where they touch, and bounded where they are many")
    func bounded() {
        var found = differing((0, 10), (10, 5), (20, 5))
        #expect(found.extents == [Extent(offset: 0, byteCount: 15), Extent(offset: 20, byteCount: 5)])
        #expect(found.byteCount == 20 && found.isWhole)
        for number in 1...1000 as ClosedRange<UInt64> { found.append(Extent(offset: number * 100, byteCount: 1)) }
        #expect(found.extents.count == Limits.differingExtentCountMax && found.byteCount == 1020 && !found.isWhole)
        // Found once more they are the same.
        #expect(found.union(found) == found)
    }

    @Test("of two proofs together hold what either found", arguments: 0..<50)
    func union(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func random() -> (DifferingExtents, Set<UInt64>) {
            var (found, bytes, place) = (DifferingExtents(), Set<UInt64>(), UInt64(0))
            for _ in 0..<Int.random(in: 0...20, using: &generator) {
                place += UInt64.random(in: 0...9, using: &generator)
                let extent = Extent(offset: place, byteCount: UInt64.random(in: 1...9, using: &generator))
                found.append(extent)
                bytes.formUnion(extent.offset..<extent.end)
                place = extent.end
            }
            return (found, bytes)
        }
        let (left, leftBytes) = random()
        let (right, rightBytes) = random()
        let union = left.union(right)
        #expect(Set(union.extents.flatMap { $0.offset..<$0.end }) == leftBytes.union(rightBytes), "seed \(seed)")
        #expect(union.byteCount == UInt64(leftBytes.union(rightBytes).count), "seed \(seed)")
        #expect(zip(union.extents, union.extents.dropFirst()).allSatisfy { $0.end < $1.offset }, "seed \(seed)")
    }
}

@Suite("Which snapshot of a mirror a proof is about")
struct ProofPlanTests {
    private let source = ImageIdentity(cluster: "a", pool: 1, image: "x")

    private func state(_ pairs: [(SnapshotIdentity, SnapshotIdentity)], present: [SnapshotIdentity]) -> MirrorState {
        let published = pairs.map { PublishedSnapshot(source: $0.0, mirror: $0.1) }
        return MirrorState(
            record: MirrorRecord(source: source, sourceName: "vm", published: published), checkpoint: nil,
            snapshots: present)
    }

    @Test("the newest that both ends hold, the repaired one where there is one")
    func newest() throws {
        let other = SnapshotIdentity(id: 16, name: "second")
        let mirror = state([(first, mirrored), (second, other), (first, repaired)], present: [mirrored, repaired])
        let plan = try ProofPlan.decide(source: source, offered: [second, first], mirror: mirror)
        #expect(plan.snapshot == first && plan.mirror == repaired)
        let whole = state([(first, mirrored), (second, other)], present: [mirrored, other])
        #expect(try ProofPlan.decide(source: source, offered: [first, second], mirror: whole).mirror == other)
        #expect(try ProofPlan.decide(source: source, offered: [first], mirror: whole).mirror == mirrored)
    }

    @Test("ids decide, not names")
    func ids() throws {
        let renamed = SnapshotIdentity(id: first.id, name: "renamed")
        let there = SnapshotIdentity(id: mirrored.id, name: "renamed-there")
        let plan = try ProofPlan.decide(
            source: source, offered: [renamed], mirror: state([(first, mirrored)], present: [there]))
        #expect(plan.snapshot == renamed && plan.mirror == there)
    }

    @Test("none where there is no mirror, none of ours, or nothing in common")
    func none() {
        let mirror = state([(first, mirrored)], present: [])
        let foreign = MirrorState(record: nil, checkpoint: nil, snapshots: [mirrored])
        let elsewhere = ImageIdentity(cluster: "b", pool: 1, image: "x")
        #expect(throws: ProofConflict.noMirror) {
            try ProofPlan.decide(source: source, offered: [first], mirror: nil)
        }
        #expect(throws: ProofConflict.mirror(.foreignImage)) {
            try ProofPlan.decide(source: source, offered: [first], mirror: foreign)
        }
        #expect(throws: ProofConflict.self) {
            try ProofPlan.decide(source: elsewhere, offered: [first], mirror: mirror)
        }
        #expect(throws: ProofConflict.noCommonSnapshot(published: [first], offered: [first])) {
            try ProofPlan.decide(source: source, offered: [first], mirror: mirror)
        }
    }
}
