import Foundation
import Planning
import Testing

@testable import Agent

private let noon = Date(timeIntervalSince1970: 1_763_726_400)

/// So many seconds after noon.
private func at(_ seconds: Double) -> Date { noon.addingTimeInterval(seconds) }

@Suite("When a lane proves every byte")
struct ProofClockTests {
    private let daily = ProofPolicy(fullEvery: TimeSpan(seconds: 86_400))
    private let afterSync = ProofPolicy(afterSync: .full)

    @Test("an end that is no proof of every byte is not followed by another try at once")
    func unproven() {
        var clock = ProofClock(policy: daily)
        clock.mirrored(now: noon, isNew: true)
        clock.ended(isComplete: true, provenAt: nil, now: at(30))
        #expect(clock.nextSlice == at(86_430) && clock.provenAt == nil)
    }

    @Test("without a rule it never does, nor while there is no mirror")
    func never() {
        var clock = ProofClock(policy: ProofPolicy(afterSync: .changed))
        clock.mirrored(now: noon, isNew: true)
        #expect(clock.nextSlice == nil && clock.isLate(now: at(1e9)) == nil)
        #expect(ProofClock(policy: daily).nextSlice == nil)
        #expect(ProofClock(policy: daily).isLate(now: at(1e9)) == false)
    }

    @Test("a mirror that was never proven is due at once, and then a period after the last proof's end")
    func periodic() {
        var clock = ProofClock(policy: daily)
        clock.mirrored(now: noon, isNew: true)
        #expect(clock.nextSlice == noon)
        clock.ended(isComplete: true, provenAt: at(500), now: at(500))
        clock.mirrored(now: at(900), isNew: true)
        #expect(clock.nextSlice == at(86_900))
    }

    @Test("a proof that was cut goes on at once, after a restart too, and counts as old until it is whole")
    func cut() {
        var clock = ProofClock(policy: daily, provenAt: at(-90_000))
        clock.mirrored(now: noon, isNew: false)
        clock.ended(isComplete: false, provenAt: at(-90_000), now: at(-90_000))
        #expect(clock.nextSlice.map { $0 <= at(1) } == true)
        var restarted = ProofClock(policy: daily, provenAt: at(-60), isUnfinished: true)
        restarted.mirrored(now: noon, isNew: false)
        #expect(restarted.nextSlice == noon)
        restarted.ended(isComplete: true, provenAt: at(60), now: at(60))
        #expect(restarted.nextSlice == at(86_460))
    }

    @Test("after a sync, if the rule says so, and only if it published something")
    func synced() {
        var clock = ProofClock(policy: afterSync)
        clock.mirrored(now: noon, isNew: false)
        #expect(clock.nextSlice == nil)
        clock.mirrored(now: at(60), isNew: true)
        #expect(clock.nextSlice == noon)
        clock.ended(isComplete: true, provenAt: at(70), now: at(70))
        #expect(clock.nextSlice == nil)
    }

    @Test("a failure makes it wait, longer each time, an hour at most, also when the clock was set back")
    func failures() {
        var random = SystemRandomNumberGenerator()
        var clock = ProofClock(policy: daily)
        clock.mirrored(now: noon, isNew: true)
        clock.failed(now: at(10), using: &random)
        #expect(clock.nextSlice.map { $0 > at(16) && $0 < at(24) } == true)
        for _ in 0..<20 { clock.failed(now: at(10), using: &random) }
        #expect(clock.nextSlice.map { $0 > at(2700) && $0 < at(4600) } == true)
        clock.notice(at(-86_400))
        #expect(clock.nextSlice.map { $0 <= at(-86_400 + 4500) } == true)
        clock.ended(isComplete: true, provenAt: at(-86_000), now: at(-86_000))
        #expect(clock.nextSlice == at(400))
    }

    @Test(
        "a slice ends when a run is due, but is never so short that the proof can't get on, nor so long that others wait",
        arguments: [(nil, 60.0), (0.5, 5), (20, 20), (3600, 60), (-3, 5)])
    func slices(_ untilRun: Double?, _ seconds: Double) {
        #expect(ProofClock.sliceSeconds(now: noon, nextRun: untilRun.map { at($0) }) == seconds)
    }

    @Test("it is late when two periods have passed since the last one, or since the mirror is there")
    func late() {
        var clock = ProofClock(policy: daily)
        clock.mirrored(now: noon, isNew: true)
        #expect(clock.isLate(now: at(172_800)) == false && clock.isLate(now: at(172_801)) == true)
        clock.follow(provenAt: at(100_000))
        #expect(clock.isLate(now: at(272_000)) == false && clock.isLate(now: at(272_801)) == true)
    }
}
