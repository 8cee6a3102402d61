import FerryCore
import FoundationEssentials
import Planning
import Testing

@Suite("What a receiver does about an offer")
struct ReceivePlanTests {
    @Test("an image that is not there is created")
    func creates() {
        #expect(ReceivePlan.decide(wanted("", "a1"), mirror: nil) == .create)
    }

    @Test("an image without a record is adopted only when it has no snapshots, and refused otherwise")
    func foreignImage() {
        #expect(ReceivePlan.decide(wanted("", "a1"), mirror: mirror(nil, "")) == .adoptIfEmpty)
        #expect(ReceivePlan.decide(wanted("", "a1"), mirror: mirror(nil, "x9")) == .refuse(.foreignImage))
    }

    @Test("a mirror of another image is refused")
    func otherSource() {
        let other = ImageIdentity(cluster: "c", pool: 1, image: "j")
        let state = MirrorState(record: record("", source: other), checkpoint: nil, snapshots: [])
        let plan = ReceivePlan.decide(wanted("", "a1"), mirror: state)
        #expect(plan == .refuse(.otherSource(expected: other, sourceName: "vm", found: source)))
    }

    @Test("the newest snapshot that both ends hold by id is the base")
    func newestCommonBase() {
        let plan = ReceivePlan.decide(wanted("b2 a1", "c3"), mirror: mirror("a1=a7 b2=b8", "a7 b8"))
        #expect(plan == .apply(transfer("b2", "c3"), from: .start, .expectClean(since: snapshots("b8")[0])))
    }

    @Test("a base that was deleted and made anew under its name is no base")
    func nameReuse() {
        let plan = ReceivePlan.decide(wanted("b3 a1", "c4"), mirror: mirror("a1=a7 b2=b8", "a7 b8"))
        let clean = HeadPreparation.expectCleanThenRollBack(since: snapshots("b8")[0], to: snapshots("a7")[0])
        #expect(plan == .apply(transfer("a1", "c4"), from: .start, clean))
    }

    @Test("a base that was renamed at the source is still the base, under its new name")
    func renamedBase() {
        let plan = ReceivePlan.decide(wanted("neu1", "c3"), mirror: mirror("a1=a7", "a7"))
        #expect(plan == .apply(transfer("neu1", "c3"), from: .start, .expectClean(since: snapshots("a7")[0])))
    }

    @Test("no common snapshot is a refusal with both lists")
    func lostBase() {
        let plan = ReceivePlan.decide(wanted("b5", "c6"), mirror: mirror("a1=a7", "a7"))
        #expect(plan == refusedLostBase(snapshots("a1"), "b5"))
    }

    @Test("a published snapshot that was removed at the mirror does not count")
    func removedAtMirror() {
        let plan = ReceivePlan.decide(wanted("b2 a1", "c3"), mirror: mirror("a1=a7 b2=b8", "a7"))
        #expect(plan == .apply(transfer("a1", "c3"), from: .start, .expectClean(since: snapshots("a7")[0])))
    }

    @Test("a target that is published already needs nothing")
    func published() {
        #expect(ReceivePlan.decide(wanted("a1", "b2"), mirror: mirror("a1=a7 b2=b8", "a7 b8")) == .published)
    }

    @Test("a target older than what is published is refused")
    func olderTarget() {
        let plan = ReceivePlan.decide(wanted("a1", "b2"), mirror: mirror("a1=a7 c3=c9", "a7 c9"))
        #expect(plan == .refuse(.olderThanPublished(target: snapshots("b2")[0], newest: snapshots("c3")[0])))
    }

    @Test("a foreign snapshot with the target's name is refused")
    func nameTaken() {
        let plan = ReceivePlan.decide(wanted("a1", "b2"), mirror: mirror("a1=a7", "a7 b9"))
        #expect(plan == .refuse(.nameTaken(target: snapshots("b2")[0], holder: snapshots("b9")[0])))
    }

    @Test("the same transfer resumes at its watermark")
    func resumes() {
        let saved = checkpoint("a1", "b2", at: 4096)
        let plan = ReceivePlan.decide(wanted("a1", "b2"), mirror: mirror("a1=a7", "a7", saved))
        #expect(plan == .apply(transfer("a1", "b2"), from: saved.resumePoint, .resume))
    }

    @Test("a first copy that was cut resumes")
    func resumesFirstCopy() {
        let saved = checkpoint(nil, "b2", at: 4096)
        let plan = ReceivePlan.decide(wanted("", "b2"), mirror: mirror("", "", saved))
        #expect(plan == .apply(transfer(nil, "b2"), from: saved.resumePoint, .resume))
    }

    @Test(
        "another transfer on a half-applied head is rolled back first",
        arguments: [("a1", "c3", DiffMode.hybrid), ("a1", "b2", .exact)])
    func rollsBack(offered: String, target: String, mode: DiffMode) {
        let state = mirror("a1=a7", "a7", checkpoint("a1", "b2", at: 4096))
        let plan = ReceivePlan.decide(wanted(offered, target, mode: mode), mirror: state)
        let expected = transfer("a1", target, mode: mode)
        #expect(plan == .apply(expected, from: .start, .rollBack(to: snapshots("a7")[0])))
    }

    @Test("another transfer on a half-done first copy begins with an empty head")
    func wipes() {
        let plan = ReceivePlan.decide(wanted("", "c3"), mirror: mirror("", "", checkpoint(nil, "b2", at: 4096)))
        #expect(plan == .apply(transfer(nil, "c3"), from: .start, .wipe))
    }

    @Test("a roll back that was cut is done again, not resumed into")
    func redoesRollBack() {
        let state = mirror("a1=a7", "a7", checkpoint("a1", "b2", at: 0, .preparing))
        let plan = ReceivePlan.decide(wanted("a1", "b2"), mirror: state)
        #expect(plan == .apply(transfer("a1", "b2"), from: .start, .rollBack(to: snapshots("a7")[0])))
    }

    @Test("a snapshot that was made but not recorded is recorded")
    func finishesPublication() {
        let state = mirror("a1=a7", "a7 b8", checkpoint("a1", "b2", at: 9000, .publishing))
        let pair = PublishedSnapshot(source: snapshots("b2")[0], mirror: snapshots("b8")[0])
        #expect(ReceivePlan.decide(wanted("a1", "b2"), mirror: state) == .finishPublication(pair))
    }

    @Test("a snapshot of the target's name that was there before the publication is not taken for ours")
    func foreignTargetName() {
        var saved = checkpoint("a1", "b2", at: 9000, .publishing)
        saved.snapshotIDMax = 8
        let plan = ReceivePlan.decide(wanted("a1", "b2"), mirror: mirror("a1=a7", "a7 b8", saved))
        #expect(plan == .refuse(.nameTaken(target: snapshots("b2")[0], holder: snapshots("b8")[0])))
    }

    @Test("a checkpoint with impossible numbers is damage, not a trap")
    func damagedCheckpoint() {
        let json = #"{"watermark":5,"content_bytes":18446744073709551615}"#
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ResumePoint.self, from: Data(json.utf8))
        }
    }

    @Test("an applied delta whose snapshot was not made yet resumes at its end")
    func publishesAgain() {
        let saved = checkpoint("a1", "b2", at: 9000, .publishing)
        let plan = ReceivePlan.decide(wanted("a1", "b2"), mirror: mirror("a1=a7", "a7", saved))
        #expect(plan == .apply(transfer("a1", "b2"), from: saved.resumePoint, .resume))
    }

    @Test("a mirror whose published snapshots were all removed is refused, not wiped", arguments: [false, true])
    func publishedGone(isHalfDone: Bool) {
        let state = mirror("a1=a7", "", isHalfDone ? checkpoint("a1", "b2", at: 4096) : nil)
        #expect(ReceivePlan.decide(wanted("b2", "c3"), mirror: state) == refusedLostBase([], "b2"))
    }

    @Test("a mirror with snapshots of others and none of ours is refused, not wiped")
    func foreignSnapshots() {
        let plan = ReceivePlan.decide(wanted("", "b2"), mirror: mirror("", "x5"))
        #expect(plan == .refuse(.foreignSnapshots(snapshots("x5"))))
    }

    @Test("every refusal names a way out")
    func remedies() {
        let conflicts: [PlanConflict] = [
            .foreignImage, .otherSource(expected: source, sourceName: "vm", found: source), .foreignSnapshots([]),
            .nameTaken(target: snapshots("a1")[0], holder: snapshots("a2")[0]), .lostBase(published: [], offered: []),
            .foreignWrite(since: nil, first: Extent(offset: 0, byteCount: 1)),
            .olderThanPublished(target: snapshots("a1")[0], newest: snapshots("b2")[0]),
            .notPublished(target: snapshots("a1")[0]),
            .notNewest(target: snapshots("a1")[0], newest: snapshots("b2")[0]),
        ]
        for conflict in conflicts {
            #expect(conflict.disposition == .refused)
            #expect(!conflict.cause.isEmpty && !conflict.remedy.isEmpty)
        }
    }
}
