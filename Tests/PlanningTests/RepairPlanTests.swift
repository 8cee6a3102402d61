import FerryCore
import FoundationEssentials
import Planning
import Testing

@Suite("What a receiver does when a snapshot is to be repaired")
struct RepairPlanTests {
    private let wish = wanted("", "b2", mode: .compare, isRepair: true)
    private let b8 = snapshots("b8")[0]

    @Test("compares the newest published snapshot's head, which must be clean")
    func begins() {
        let plan = ReceivePlan.decide(wish, mirror: mirror("a1=a7 b2=b8", "a7 b8"))
        #expect(plan == .apply(transfer(nil, "b2", mode: .compare), from: .start, .expectClean(since: b8)))
    }

    @Test("rolls back what another transfer left, or a head that is not to be trusted")
    func rollsBack() {
        let cuts = [
            checkpoint("b2", "c3", at: 4096), checkpoint(nil, "c3", at: 4096, mode: .compare),
            checkpoint(nil, "b2", at: 0, .preparing, mode: .compare),
        ]
        for saved in cuts {
            let plan = ReceivePlan.decide(wish, mirror: mirror("a1=a7 b2=b8", "a7 b8", saved))
            #expect(plan == .apply(transfer(nil, "b2", mode: .compare), from: .start, .rollBack(to: b8)))
        }
    }

    @Test("goes on where the same repair was cut, also between its end and its snapshot")
    func resumes() {
        for phase in [Checkpoint.Phase.applying, .publishing] {
            let saved = checkpoint(nil, "b2", at: 4096, phase, mode: .compare, mirrorName: "b.repaired")
            var state = mirror("a1=a6 b2=b7", "a6 b7", saved)
            state.checkpoint?.snapshotIDMax = phase == .publishing ? 7 : nil
            let plan = ReceivePlan.decide(wish, mirror: state)
            #expect(plan == .apply(transfer(nil, "b2", mode: .compare), from: saved.resumePoint, .resume))
        }
    }

    @Test("finishes one that was cut between snapshot and record, whoever asks next")
    func finishes() {
        let made = SnapshotIdentity(id: 8, name: "b.repaired")
        let saved = checkpoint(nil, "b2", at: 9000, .publishing, mode: .compare, mirrorName: made.name)
        let state = MirrorState(record: record("b2=b7"), checkpoint: saved, snapshots: snapshots("b7") + [made])
        let pair = PublishedSnapshot(source: snapshots("b2")[0], mirror: made)
        for wish in [wish, wanted("b2", "c3"), wanted("", "b2")] {
            #expect(ReceivePlan.decide(wish, mirror: state) == .finishPublication(pair))
        }
    }

    @Test("the repaired copy is the base of what follows, and is repaired itself when it is wrong too")
    func lastPairCounts() {
        let repaired = SnapshotIdentity(id: 9, name: "b.repaired")
        var published = record("a1=a7 b2=b8")
        published.published.append(PublishedSnapshot(source: snapshots("b2")[0], mirror: repaired))
        let state = MirrorState(record: published, checkpoint: nil, snapshots: snapshots("a7 b8") + [repaired])
        let next = ReceivePlan.decide(wanted("b2 a1", "c3"), mirror: state)
        #expect(next == .apply(transfer("b2", "c3"), from: .start, .expectClean(since: repaired)))
        let again = ReceivePlan.decide(wish, mirror: state)
        #expect(again == .apply(transfer(nil, "b2", mode: .compare), from: .start, .expectClean(since: repaired)))
        #expect(published.pair(ofSource: 2)?.mirror == repaired)
    }

    @Test("refuses what is not published, or is not the newest, or is no mirror of ours")
    func refuses() {
        let b2 = snapshots("b2")[0]
        let states: [(MirrorState, PlanConflict)] = [
            (mirror("a1=a7", "a7"), .notPublished(target: b2)), (mirror("b2=b8", ""), .notPublished(target: b2)),
            (mirror("b2=b8 c3=c9", "b8 c9"), .notNewest(target: b2, newest: snapshots("c3")[0])),
            (mirror(nil, ""), .foreignImage), (mirror(nil, "x9"), .foreignImage),
        ]
        for (state, conflict) in states {
            #expect(ReceivePlan.decide(wish, mirror: state) == .refuse(conflict))
        }
    }

    @Test(
        "is published under a name that is free",
        arguments: [
            ([], "daily.repaired"), (["daily.repaired"], "daily.repaired-2"),
            (["daily.repaired", "daily.repaired-2", "daily"], "daily.repaired-3"),
        ] as [([String], String)])
    func names(taken: [String], expected: String) {
        #expect(SnapshotName.repaired("daily", taken: Set(taken)) == expected)
    }

    @Test("has a name that no store refuses, however long the target's is")
    func longNames() {
        let name = SnapshotName.repaired(String(repeating: "é", count: Limits.nameByteCountMax / 2), taken: [])
        #expect(name.utf8.count <= Limits.nameByteCountMax && name.hasSuffix(".repaired"))
    }

    @Test("is ours for retention when the target is, as old as the target")
    func retention() {
        let stem = "ferry-20260101T000000Z"
        let time = SnapshotName.ownTime(stem)
        #expect(time != nil)
        for name in ["\(stem).repaired", "\(stem).repaired-2", "\(stem)-2.repaired"] {
            #expect(SnapshotName.ownTime(name) == time)
        }
        for name in ["\(stem).repaired-1", "\(stem).other", "\(stem).", "daily.repaired", "\(stem).repaired.x"] {
            #expect(!SnapshotName.isOwn(name))
        }
    }
}
