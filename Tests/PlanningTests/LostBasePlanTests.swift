import FerryCore
import FoundationEssentials
import Planning
import Testing

@Suite("What a receiver does when no snapshot is common")
struct LostBasePlanTests {
    private let a7 = snapshots("a7")[0]

    @Test("compares from the newest published snapshot on, or writes everything", arguments: [DiffMode.compare, .full])
    func reconciles(mode: DiffMode) {
        let plan = ReceivePlan.decide(wanted("b5", "c6", lostBase: mode), mirror: mirror("z1=z5 a1=a7", "z5 a7"))
        #expect(plan == .apply(transfer(nil, "c6", mode: mode), from: .start, .expectClean(since: a7)))
    }

    @Test("does not when a snapshot is common, or when nothing was ever published")
    func notNeeded() {
        let common = ReceivePlan.decide(wanted("a1", "c6", lostBase: .compare), mirror: mirror("a1=a7", "a7"))
        #expect(common == .apply(transfer("a1", "c6"), from: .start, .expectClean(since: a7)))
        let first = ReceivePlan.decide(wanted("", "c6", lostBase: .compare), mirror: mirror("", ""))
        #expect(first == .apply(transfer(nil, "c6"), from: .start, .expectClean(since: nil)))
        #expect(ReceivePlan.decide(wanted("", "c6", lostBase: .compare), mirror: nil) == .create)
        #expect(ReceivePlan.decide(wanted("", "c6", lostBase: .compare), mirror: mirror(nil, "")) == .adoptIfEmpty)
    }

    @Test("a comparison that the rule wants for every transfer is none for a lost base")
    func compareIsNoReconcile() {
        let plan = ReceivePlan.decide(wanted("b5", "c6", mode: .compare), mirror: mirror("a1=a7", "a7"))
        #expect(plan == refusedLostBase(snapshots("a1"), "b5"))
    }

    @Test("goes on where the same one was cut")
    func resumes() {
        let saved = checkpoint(nil, "c6", at: 4096, mode: .compare)
        let state = mirror("a1=a7", "a7", saved)
        let plan = ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare), mirror: state)
        #expect(plan == .apply(transfer(nil, "c6", mode: .compare), from: saved.resumePoint, .resume))
    }

    @Test("goes on where it was cut even if a snapshot is common by now")
    func resumesBesideBase() {
        let saved = checkpoint(nil, "c6", at: 4096, mode: .compare)
        let plan = ReceivePlan.decide(wanted("a1", "c6", lostBase: .compare), mirror: mirror("a1=a7", "a7", saved))
        #expect(plan == .apply(transfer(nil, "c6", mode: .compare), from: saved.resumePoint, .resume))
    }

    @Test(
        "rolls back what another transfer left, or a head that is not to be trusted",
        arguments: [
            checkpoint("a1", "b5", at: 4096), checkpoint(nil, "b5", at: 4096, mode: .compare),
            checkpoint(nil, "c6", at: 4096, mode: .full), checkpoint(nil, "c6", at: 0, .preparing, mode: .compare),
        ])
    func rollsBack(saved: Checkpoint) {
        let plan = ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare), mirror: mirror("a1=a7", "a7", saved))
        #expect(plan == .apply(transfer(nil, "c6", mode: .compare), from: .start, .rollBack(to: a7)))
    }

    @Test("once it is not asked for any more, its half is rolled back for a usual one, or refused")
    func givenUp() {
        let state = mirror("a1=a7", "a7", checkpoint(nil, "c6", at: 4096, mode: .compare))
        let usual = ReceivePlan.decide(wanted("a1", "c6"), mirror: state)
        #expect(usual == .apply(transfer("a1", "c6"), from: .start, .rollBack(to: a7)))
        #expect(ReceivePlan.decide(wanted("b5", "c6"), mirror: state) == refusedLostBase(snapshots("a1"), "b5"))
    }

    @Test("takes the head as it is when no published snapshot is there any more, and our checkpoint explains it")
    func publishedGone() {
        let states = [
            mirror("a1=a7", "", checkpoint("a1", "b5", at: 4096)),
            mirror("a1=a7", "", checkpoint(nil, "c6", at: 0, .preparing, mode: .compare)),
        ]
        for state in states {
            let plan = ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare), mirror: state)
            #expect(plan == .apply(transfer(nil, "c6", mode: .compare), from: .start, .keep))
        }
    }

    @Test("does not take the sender's word for a head that somebody may have written to since all snapshots went")
    func publishedGoneAndOver() {
        for state in [mirror("a1=a7", ""), mirror("a1=a7", "x9")] {
            let plan = ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare), mirror: state)
            #expect(plan == .refuse(.nothingPublished))
            let agreed = ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare, maySeed: true), mirror: state)
            #expect(agreed == .apply(transfer(nil, "c6", mode: .compare), from: .start, .keep))
        }
        let first = ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare), mirror: mirror("", "x9"))
        #expect(first == .apply(transfer(nil, "c6", mode: .compare), from: .start, .expectClean(since: nil)))
    }

    @Test("nothing from before a repair is a base any more")
    func repaired() {
        var state = mirror("a1=a7 b5=b8 b5=b9", "a7 b8 b9")
        state.record?.repairedID = 9
        let onRepaired = ReceivePlan.decide(wanted("b5 a1", "c6"), mirror: state)
        #expect(
            onRepaired == .apply(transfer("b5", "c6"), from: .start, .expectClean(since: snapshots("b9")[0])))
        #expect(ReceivePlan.decide(wanted("a1", "c6"), mirror: state) == refusedLostBase(snapshots("a1 b5 b5"), "a1"))
    }

    @Test("goes no further than without it: another source, a taken name, a newer snapshot are refused")
    func refuses() {
        let other = ImageIdentity(cluster: "c", pool: 1, image: "j")
        let states: [(MirrorState, PlanConflict)] = [
            (
                MirrorState(record: record("", source: other), checkpoint: nil, snapshots: []),
                .otherSource(expected: other, sourceName: "vm", found: source)
            ),
            (mirror("a1=a7", "a7 c9"), .nameTaken(target: snapshots("c6")[0], holder: snapshots("c9")[0])),
            (mirror("z8=z9", "z9"), .olderThanPublished(target: snapshots("c6")[0], newest: snapshots("z8")[0])),
        ]
        for (state, conflict) in states {
            #expect(ReceivePlan.decide(wanted("b5", "c6", lostBase: .compare), mirror: state) == .refuse(conflict))
        }
    }

    @Test("the refusal names the way out")
    func remedy() {
        let conflict = PlanConflict.lostBase(published: [], offered: [])
        #expect(conflict.remedy.contains("--reconcile") && conflict.remedy.contains("on-lost-base"))
    }

    @Test("records and checkpoints of earlier releases are read as what they were")
    func earlierReleases() throws {
        let record = #"{"source":{"cluster":"c","pool":1,"image":"i"},"source_name":"vm","published":[]}"#
        #expect(try JSONDecoder().decode(MirrorRecord.self, from: Data(record.utf8)).isSeeded == nil)
        let inFlight = #"{"target":{"id":1,"name":"a"},"own":true}"#
        let read = try JSONDecoder().decode(SenderRecord.InFlight.self, from: Data(inFlight.utf8))
        #expect(read.lostBaseMode == nil && read.isOwn)
    }
}

@Suite("What a receiver does with an image that others filled")
struct SeededPlanTests {
    private let seeding = wanted("", "c6", lostBase: .compare, maySeed: true)

    @Test("takes it over when its own configuration and the sender want it, and only then")
    func takesOver() {
        for state in [mirror(nil, ""), mirror(nil, "x9")] {
            #expect(ReceivePlan.decide(seeding, mirror: state) == .takeOver)
        }
        let unwanted = wanted("", "c6", maySeed: true)
        let forbidden = wanted("", "c6", lostBase: .compare)
        for plan in [unwanted, forbidden] {
            #expect(ReceivePlan.decide(plan, mirror: mirror(nil, "x9")) == .refuse(.foreignImage))
            #expect(ReceivePlan.decide(plan, mirror: mirror(nil, "")) == .adoptIfEmpty)
        }
    }

    @Test("compares its head with whatever is sent until something is published, at every step where it can be cut")
    func compares() {
        let expected = ReceivePlan.apply(transfer(nil, "c6", mode: .compare), from: .start, .keep)
        let cuts = [
            mirror("", "", isSeeded: true), mirror("", "x9", isSeeded: true),
            mirror("", "x9", checkpoint(nil, "b5", at: 4096, mode: .compare), isSeeded: true),
            mirror("", "", checkpoint(nil, "c6", at: 0, .preparing, mode: .compare), isSeeded: true),
        ]
        for state in cuts { #expect(ReceivePlan.decide(seeding, mirror: state) == expected) }
        let saved = checkpoint(nil, "c6", at: 4096, mode: .compare)
        let resumed = ReceivePlan.decide(seeding, mirror: mirror("", "x9", saved, isSeeded: true))
        #expect(resumed == .apply(transfer(nil, "c6", mode: .compare), from: saved.resumePoint, .resume))
        let publishing = checkpoint(nil, "c6", at: 9000, .publishing, mode: .compare)
        let pair = PublishedSnapshot(source: snapshots("c6")[0], mirror: snapshots("c9")[0])
        let finishing = ReceivePlan.decide(seeding, mirror: mirror("", "c9", publishing, isSeeded: true))
        #expect(finishing == .finishPublication(pair))
    }

    @Test("is never wiped for a sender that does not ask for a comparison")
    func neverWiped() {
        let plain = wanted("", "c6")
        let saved = checkpoint(nil, "b5", at: 4096, mode: .compare)
        #expect(ReceivePlan.decide(plain, mirror: mirror("", "", saved, isSeeded: true)) == refusedLostBase([], ""))
        #expect(ReceivePlan.decide(plain, mirror: mirror("", "", isSeeded: true)) == refusedLostBase([], ""))
    }

    @Test("is a mirror like others once something is published")
    func becomesUsual() {
        let state = mirror("a1=a7", "x5 a7", isSeeded: true)
        let plan = ReceivePlan.decide(wanted("a1", "c6"), mirror: state)
        #expect(plan == .apply(transfer("a1", "c6"), from: .start, .expectClean(since: snapshots("a7")[0])))
    }
}
